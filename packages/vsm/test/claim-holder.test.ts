import { randomInteger, seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { type Claim, type ClaimEffect, ClaimHolder, type ClaimToken, ResourceFence } from '../src/index.ts'

const ARM = [{ resource: 'arm', shared: false }] as const
const asked = (askedAtIndex: number): Claim => ({ peer: 'a', unit: 'driver', resources: ARM, askedAtIndex })
const held = (askedAtIndex: number, token = askedAtIndex): Claim => ({ ...asked(askedAtIndex), token, epoch: 1 })

const types = (effects: readonly ClaimEffect[]): string[] => effects.map(({ type }) => type)

/** A holder whose claim stands since 0, with one call under way. */
function working(): ClaimHolder {
  const holder = new ClaimHolder(ARM)
  expect(types(holder.call(1, 0))).toEqual(['ask'])
  expect(types(holder.follow(held(7), false, 5))).toEqual([])
  expect(types(holder.decided(true, 5))).toEqual(['note'])
  expect(holder.noted({ token: 7, epoch: 1 }, 6)).toEqual([{ type: 'begin', call: 1, token: { token: 7, epoch: 1 } }])
  return holder
}

describe('the holder of a claim', () => {
  it('asks once, and begins calls when it is granted and its token written down; the next ones at once', () => {
    const holder = working()
    expect(holder.call(2, 100)).toEqual([{ type: 'begin', call: 2, token: { token: 7, epoch: 1 } }])
    expect(holder.ended(1, 110)).toEqual([])
    expect(holder.ended(2, 120)).toEqual([])
    expect(types(holder.call(3, 2_900))).toEqual(['begin'])
  })

  it('begins nothing on a grant that came later, until a quorum has borne it out', () => {
    const holder = new ClaimHolder(ARM)
    holder.call(1, 0)
    holder.follow(asked(7), false, 5)
    expect(types(holder.decided(true, 5))).toEqual([])
    expect(types(holder.follow(held(7, 9), false, 50))).toEqual(['confirm'])
    expect(types(holder.confirmed(held(7, 9), 60))).toEqual(['note'])
    expect(types(holder.noted({ token: 9, epoch: 1 }, 61))).toEqual(['begin'])
  })

  it('has a quorum bear it out while calls go on, and asks again when nobody answers', () => {
    const holder = working()
    expect(holder.nextTickAtMs()).toBe(3_000)
    expect(types(holder.tick(3_000))).toEqual(['confirm'])
    expect(types(holder.tick(3_100))).toEqual([])
    expect(types(holder.decided(false, 5_000))).toEqual([])
    expect(holder.nextTickAtMs()).toBe(5_500)
    expect(types(holder.tick(5_500))).toEqual(['confirm'])
    expect(types(holder.confirmed(held(7), 6_000))).toEqual([])
    expect(holder.nextTickAtMs()).toBe(8_500)
  })

  it('begins nothing and cuts what goes on, 10 s after the question that was answered last', () => {
    const holder = working()
    holder.tick(3_000)
    expect(types(holder.tick(9_999))).toEqual([])
    expect(types(holder.call(2, 9_999))).toEqual(['begin'])
    expect(holder.tick(10_000)).toEqual([
      { type: 'cut', call: 1 },
      { type: 'cut', call: 2 },
    ])
    expect(types(holder.call(3, 10_001))).toEqual([])
    holder.ended(1, 10_002)
    holder.ended(2, 10_002)
    // The answer to a question of long ago proves nothing of now.
    expect(types(holder.confirmed(held(7), 14_000))).toEqual(['confirm'])
    expect(types(holder.confirmed(held(7), 14_010))).toEqual(['begin'])
  })

  it('is not borne out by a quorum that knows of a recall: it ends what goes on, and asks anew', () => {
    const holder = working()
    holder.tick(3_000)
    const recalled = { ...held(7), recalledAtIndex: 9 }
    expect(types(holder.confirmed(recalled, 3_010))).toEqual([])
    expect(types(holder.call(2, 3_020))).toEqual([])
    expect(types(holder.tick(10_000))).toEqual(['cut'])
    expect(holder.ended(1, 10_001)).toEqual([{ type: 'release', askedAtIndex: 7, again: true }])
    holder.follow(asked(12), true, 10_020)
    expect(types(holder.decided(true, 10_020))).toEqual([])
  })

  it('gives back after its turn when others wait, once its calls have ended, and queues again for the rest', () => {
    const holder = working()
    expect(holder.follow(held(7), true, 1_000)).toEqual([])
    expect(types(holder.call(2, 1_200))).toEqual(['begin'])
    expect(holder.nextTickAtMs()).toBe(1_250)
    expect(types(holder.call(3, 1_300))).toEqual([])
    expect(holder.ended(1, 1_400)).toEqual([])
    expect(holder.ended(2, 1_500)).toEqual([{ type: 'release', askedAtIndex: 7, again: true }])
  })

  it('gives back when it is idle for a moment and others wait, and after 30 s when nobody does', () => {
    const holder = working()
    holder.ended(1, 1_000)
    expect(holder.nextTickAtMs()).toBe(3_000)
    expect(types(holder.tick(3_000))).toEqual([])
    expect(holder.nextTickAtMs()).toBe(31_000)
    expect(holder.tick(31_000)).toEqual([{ type: 'release', askedAtIndex: 7, again: false }])
    const other = working()
    other.ended(1, 1_000)
    expect(other.follow(held(7), true, 1_001)).toEqual([])
    expect(other.nextTickAtMs()).toBe(1_020)
    expect(other.tick(1_020)).toEqual([{ type: 'release', askedAtIndex: 7, again: false }])
    other.follow(undefined, false, 1_010)
    other.decided(true, 1_010)
    expect(other.isDone).toBe(true)
  })

  it('begins nothing while it is being given back, also when nobody could be told', () => {
    const holder = working()
    holder.ended(1, 100)
    expect(types(holder.follow(held(7), true, 150))).toEqual(['release'])
    expect(types(holder.call(2, 151))).toEqual([])
    // It may have been decided all the same.
    expect(types(holder.decided(false, 200))).toEqual([])
    expect(types(holder.call(3, 201))).toEqual([])
    expect(holder.tick(700)).toEqual([{ type: 'release', askedAtIndex: 7, again: true }])
    holder.follow(held(12), false, 710)
    expect(types(holder.decided(true, 710))).toEqual(['note'])
    expect(types(holder.noted({ token: 12, epoch: 1 }, 711))).toEqual(['begin', 'begin'])
  })

  it('leaves the queue when nobody needs it any more', () => {
    const holder = new ClaimHolder(ARM)
    holder.call(1, 0)
    holder.follow(asked(7), false, 5)
    holder.decided(true, 5)
    expect(holder.ended(1, 50)).toEqual([{ type: 'release', askedAtIndex: 7, again: false }])
  })

  it('gives back what it does not claim any more before it asks for what it claims now', () => {
    const holder = working()
    holder.wants([{ resource: 'belt', shared: true }], 100)
    expect(types(holder.call(2, 110))).toEqual([])
    expect(holder.ended(1, 120)).toEqual([{ type: 'release', askedAtIndex: 7, again: false }])
    holder.follow(undefined, false, 130)
    expect(types(holder.decided(true, 130))).toEqual(['ask'])
  })

  it('does nothing under a token lower than one that was seen: it gives it back for a higher one', () => {
    const holder = new ClaimHolder(ARM)
    holder.call(1, 0)
    holder.follow(held(7), false, 5)
    holder.decided(true, 5)
    expect(holder.noted(undefined, 6)).toEqual([{ type: 'release', askedAtIndex: 7, again: true }])
  })

  it('of an earlier life is given back, and used only after a quorum bore it out', () => {
    const holder = new ClaimHolder(ARM)
    expect(types(holder.follow(held(7), false, 0))).toEqual([])
    expect(types(holder.call(1, 10))).toEqual(['confirm'])
    // The docket of here was behind: it was taken away since.
    expect(types(holder.confirmed(undefined, 20))).toEqual(['confirm'])
  })

  it('never runs a call under a claim that was not borne out within 10 s, whatever happens in whatever order', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed)
      const holder = new ClaimHolder(ARM)
      const running = new Set<number>()
      let claim: Claim | undefined
      let borneOutMs = Number.NEGATIVE_INFINITY
      let asking: { type: string; atMs: number } | undefined
      let index = 1
      let nowMs = 0
      let givenBack = 0
      const take = (effects: readonly ClaimEffect[]): void => {
        for (const effect of effects) {
          if (effect.type === 'begin') {
            expect(nowMs - borneOutMs, `seed ${seed}`).toBeLessThan(10_000)
            expect(claim?.recalledAtIndex, `seed ${seed}`).toBeUndefined()
            // What is being given back another may have at any moment.
            expect(givenBack, `seed ${seed}`).not.toBe(claim?.askedAtIndex)
            running.add(effect.call)
          } else if (effect.type === 'cut') running.delete(effect.call)
          else if (effect.type === 'note') take(holder.noted(random.next() < 0.9 ? effect.token : undefined, nowMs))
          else {
            if (effect.type === 'release') givenBack = effect.askedAtIndex
            asking = { type: effect.type, atMs: nowMs }
          }
        }
      }
      for (let step = 0; step < 200; step++) {
        nowMs += randomInteger(random, 0, 2_500)
        take(holder.tick(nowMs))
        if (nowMs - borneOutMs >= 10_000) expect([...running], `seed ${seed}`).toEqual([])
        const dice = random.next()
        if (dice < 0.3) take(holder.call(step, nowMs))
        else if (dice < 0.5) {
          const [call] = running
          if (call !== undefined) {
            running.delete(call)
            take(holder.ended(call, nowMs))
          }
        } else if (dice < 0.6 && claim?.token !== undefined) {
          claim = { ...claim, recalledAtIndex: ++index }
          take(holder.follow(claim, true, nowMs))
        } else if (dice < 0.65 && claim?.recalledAtIndex !== undefined) {
          claim = undefined
          take(holder.follow(claim, false, nowMs))
        } else if (asking !== undefined) {
          const { type, atMs } = asking
          asking = undefined
          if (random.next() < 0.3) take(holder.decided(false, nowMs))
          else if (type === 'confirm') {
            if (claim !== undefined && claim.recalledAtIndex === undefined) borneOutMs = Math.max(borneOutMs, atMs)
            take(holder.confirmed(claim, nowMs))
          } else {
            claim = type === 'ask' ? held(++index) : undefined
            if (claim !== undefined) borneOutMs = atMs
            take(holder.follow(claim, random.next() < 0.5, nowMs))
            take(holder.decided(true, nowMs))
          }
        }
      }
    }
  })
})

describe('the fence of a resource', () => {
  const at = (token: number, epoch = 1): ClaimToken => ({ epoch, token })

  it('refuses an older token, over restarts, and orders by epoch first', () => {
    const fence = new ResourceFence()
    expect(fence.admit(ARM, at(7))).toEqual([['arm', { alone: at(7) }]])
    expect(fence.admit(ARM, at(7))).toBeDefined()
    expect(fence.admit(ARM, at(6))).toBeUndefined()
    const again = new ResourceFence([['arm', { alone: at(7) }]])
    expect(again.admit(ARM, at(6))).toBeUndefined()
    expect(again.admit(ARM, at(2, 2))).toBeDefined()
    expect(again.admit(ARM, at(9))).toBeUndefined()
  })

  it('lets those who share come in any order, but not before who had it alone, nor that one after them', () => {
    const fence = new ResourceFence()
    const shared = [{ resource: 'arm', shared: true }]
    fence.admit(ARM, at(5))
    expect(fence.admit(shared, at(9))).toBeDefined()
    expect(fence.admit(shared, at(8))).toEqual([['arm', { alone: at(5), shared: at(9) }]])
    expect(fence.admit(shared, at(4))).toBeUndefined()
    expect(fence.admit(ARM, at(8))).toBeUndefined()
    expect(fence.admit(ARM, at(10))).toBeDefined()
  })
})
