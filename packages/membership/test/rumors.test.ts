import { seededRandom } from '@vsmcp/kernel'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { INCARNATION_MAX, PROBE_PERIOD_MS, RUMORS_PER_MESSAGE_MAX, SIGNATURE_BYTES_MAX } from '../src/constants.ts'
import {
  InvalidMembershipMessageError,
  membership,
  type MembershipEffect,
  type MembershipMessage,
  type MembershipView,
  type Rumor,
  validateMembershipMessage,
} from '../src/index.ts'
import { signatureOf } from './support/simulation.ts'

const gossip = (...rumors: Rumor[]): MembershipMessage => ({ type: 'gossip', rumors })
const say = (peer: string, state: Rumor['state'], incarnation: number, firstHand = false): Rumor => ({
  peer,
  state,
  incarnation,
  firstHand,
  ...(incarnation > 0 ? { signature: signatureOf(peer, incarnation) } : {}),
})
const states = (effects: readonly MembershipEffect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'state' ? [`${effect.peer}: ${effect.to}`] : []))
const sentTo = (effects: readonly MembershipEffect[], to: string): MembershipMessage[] =>
  effects.flatMap((effect) => (effect.type === 'send' && effect.to === to ? [effect.message] : []))

/** A group in which this node is connected with `connected`, and has heard from each. */
function viewOf(connected: string[], others: string[] = []): MembershipView {
  const view = membership({ self: 'me', incarnation: 10 })({
    random: seededRandom(1),
    signAlive: (incarnation) => signatureOf('me', incarnation),
    verifyAlive: (peer, incarnation, signature) => Buffer.from(signatureOf(peer, incarnation)).equals(signature),
  })
  for (const peer of [...connected, ...others]) view.memberAdded(peer, [], 0)
  for (const peer of connected) {
    view.connected(peer, 0)
    view.received(peer, gossip(), 0)
  }
  return view
}

/** What comes of these effects when whoever is in `answering` answers every ping at once. */
function answered(
  view: MembershipView,
  effects: MembershipEffect[],
  nowMs: number,
  answering: readonly string[],
): MembershipEffect[] {
  const all = [...effects]
  for (const effect of all) {
    if (effect.type !== 'send' || effect.message.type !== 'ping' || !answering.includes(effect.to)) continue
    all.push(...view.received(effect.to, { type: 'ack', number: effect.message.number, digest: 0, rumors: [] }, nowMs))
  }
  return all
}

/** Tells the time whenever it is asked for. */
function pass(view: MembershipView, untilMs: number, answering: readonly string[]): MembershipEffect[] {
  const all: MembershipEffect[] = []
  for (let at = view.nextTickAtMs(); at !== undefined && at <= untilMs; at = view.nextTickAtMs()) {
    all.push(...answered(view, view.tick(at), at, answering))
  }
  return all
}

describe('a member that others accuse', () => {
  it('is looked at before it is believed, when it was heard a moment ago', () => {
    const view = viewOf(['a', 'b', 'c'])
    const effects = view.received('b', gossip(say('a', 'failed', 0, true)), 100)
    expect(states(effects)).toEqual([])
    expect(sentTo(effects, 'a')).toContainEqual(expect.objectContaining({ type: 'ping' }))
  })

  it('never fails while it answers, though all others accuse it for ever', () => {
    const all = ['a', 'b', 'c', 'd', 'e']
    const view = viewOf(all)
    const seen: string[] = []
    for (let nowMs = 1_000; nowMs < 120_000; nowMs += 500) {
      seen.push(...states(pass(view, nowMs, all)))
      for (const liar of ['b', 'c', 'd', 'e']) {
        const effects = view.received(liar, gossip(say('a', 'failed', 0, true)), nowMs)
        seen.push(...states(answered(view, effects, nowMs, all)))
      }
    }
    expect(seen).not.toContain('a: failed')
    expect(view.member('a')?.state).not.toBe('failed')
  })

  it('and is not connected fails when its time is over, the sooner the more members say that they looked themselves', () => {
    const failedAfter = (witnesses: string[], firstHand = true): number => {
      const view = viewOf(['b', 'c', 'd', 'e'], ['far'])
      view.received('b', gossip(say('far', 'alive', 0)), 0)
      pass(view, 10_000, ['b', 'c', 'd', 'e'])
      expect(view.member('far')).toMatchObject({ state: 'alive', why: { kind: 'told', by: 'b' } })
      for (const witness of witnesses) view.received(witness, gossip(say('far', 'suspect', 0, firstHand)), 10_000)
      for (let nowMs = 10_000; nowMs < 60_000; nowMs += 100) {
        if (states(pass(view, nowMs, ['b', 'c', 'd', 'e'])).includes('far: failed')) return nowMs - 10_000
      }
      return Number.POSITIVE_INFINITY
    }
    const [one, two, three] = [failedAfter(['b']), failedAfter(['b', 'c']), failedAfter(['b', 'c', 'd'])]
    expect(three).toBe(4 * PROBE_PERIOD_MS)
    expect(two).toBeGreaterThan(three)
    expect(one).toBeGreaterThan(two)
    // Whoever says it often is one witness all the same, and hearsay is none.
    expect(failedAfter(['b', 'b', 'b', 'b'])).toBe(one)
    expect(failedAfter(['b', 'c', 'd', 'e'], false)).toBe(one)
  })

  it('is told so with the next word to it, and its answer clears it for those that are not connected with it', () => {
    const view = viewOf(['b'], ['far'])
    view.received('b', gossip(say('far', 'alive', 0)), 0)
    pass(view, 6_000, ['b'])
    view.received('b', gossip(say('far', 'suspect', 0, true)), 6_000)
    expect(view.member('far')?.state).toBe('suspect')
    expect(states(view.received('b', gossip(say('far', 'alive', 1)), 6_100))).toEqual(['far: alive'])
    expect(view.member('far')).toMatchObject({ incarnation: 1, why: { kind: 'refuted' } })
    // What was said of its earlier word is over.
    expect(states(view.received('b', gossip(say('far', 'failed', 0, true)), 6_200))).toEqual([])
    const greeting = view.connected('far', 6_300)
    expect(sentTo(greeting, 'far')).toHaveLength(1)
  })
})

describe('this node, accused', () => {
  it('answers at once, above what was said, with its signature, and doubts itself a little', () => {
    const view = viewOf(['a', 'b'])
    const effects = view.received('a', gossip(say('me', 'suspect', 10)), 1_000)
    const rumors = effects.flatMap((effect) =>
      effect.type === 'send' && 'rumors' in effect.message ? effect.message.rumors : [],
    )
    expect(rumors).toContainEqual({ ...say('me', 'alive', 11), firstHand: true })
    expect(view.healthScore).toBe(1)
  })

  it('tells the others, too, not only its accuser', () => {
    const view = viewOf(['a', 'b', 'c'])
    const effects = [...view.received('a', gossip(say('me', 'suspect', 10)), 1_000), ...pass(view, 1_500, [])]
    for (const peer of ['b', 'c']) {
      const told = sentTo(effects, peer).flatMap((message) => ('rumors' in message ? message.rumors : []))
      expect(told).toContainEqual(expect.objectContaining({ peer: 'me', state: 'alive', incarnation: 11 }))
    }
  })

  it('signs no more than ten words a second, however often it is accused', () => {
    let signed = 0
    const view = membership({ self: 'me', incarnation: 10 })({
      random: seededRandom(1),
      signAlive: (incarnation) => {
        signed++
        return signatureOf('me', incarnation)
      },
      verifyAlive: () => true,
    })
    view.memberAdded('a', [], 0)
    view.connected('a', 0)
    for (let nowMs = 0; nowMs < 1_000; nowMs++) {
      for (let incarnation = 10; incarnation < 40; incarnation++)
        view.received('a', gossip(say('me', 'failed', incarnation)), nowMs)
    }
    expect(signed).toBeLessThanOrEqual(12)
  })

  it('cannot be driven to an incarnation that it did not say itself', () => {
    const view = viewOf(['a'])
    const forged: Rumor = { ...say('me', 'suspect', INCARNATION_MAX), signature: new Uint8Array(64) }
    expect(view.received('a', gossip(forged), 1_000)).toContainEqual(expect.objectContaining({ type: 'offence', peer: 'a' }))
  })
})

describe('a word that is not to be believed', () => {
  it.each([
    ['an incarnation without a signature', { ...say('far', 'alive', 0), incarnation: 5 }],
    ['an incarnation signed for another', { ...say('far', 'alive', 5), signature: signatureOf('b', 5) }],
    ['an accusation at an incarnation never said', { ...say('far', 'failed', 5), signature: new Uint8Array(8) }],
  ] as const)('%s: it changes nothing, and is told of', (_title, rumor) => {
    const view = viewOf(['b'], ['far'])
    const effects = view.received('b', gossip(rumor), 100)
    expect(effects).toContainEqual(expect.objectContaining({ type: 'offence', peer: 'b' }))
    expect(view.member('far')).toMatchObject({ state: 'suspect', incarnation: -1 })
  })

  it('of one who is not of the group, or has left it, or is not connected', () => {
    const view = viewOf(['a', 'b'], ['far'])
    view.connected('outsider', 0)
    view.memberLeft('b', 0)
    for (const liar of ['outsider', 'b', 'far', 'unknown']) {
      for (let nowMs = 5_000; nowMs < 6_000; nowMs += 100) {
        expect(states(view.received(liar, gossip(say('a', 'failed', 0, true)), nowMs))).toEqual([])
      }
    }
    expect(view.member('a')?.state).toBe('alive')
  })

  it('of members that nobody listed: they are not made up', () => {
    const view = viewOf(['a'])
    view.received('a', gossip(say('ghost', 'alive', 3), say('ghost-2', 'failed', 0)), 100)
    expect(view.members().map(({ peer }) => peer)).toEqual(['a'])
  })
})

describe('this node, after it stood still', () => {
  it('reads what came meanwhile before it doubts anybody', () => {
    const view = viewOf(['a'])
    let ping: MembershipMessage | undefined
    let nowMs = 0
    while (ping === undefined) {
      nowMs = view.nextTickAtMs() ?? Number.NaN
      ping = sentTo(view.tick(nowMs), 'a').find(({ type }) => type === 'ping')
    }
    if (ping.type !== 'ping') throw new Error('no ping')
    const late = nowMs + 5_000
    expect(states(view.tick(late))).toEqual([])
    expect(states(view.tick(late + 400))).toEqual([])
    expect(states(view.received('a', { type: 'ack', number: ping.number, digest: 0, rumors: [] }, late + 401))).toEqual([])
    expect(states(pass(view, late + 2_000, ['a']))).toEqual([])
  })

  it('and in time doubts who does not answer', () => {
    const view = viewOf(['a'])
    expect(states(pass(view, 1_600, []))).toEqual(['a: suspect'])
  })
})

describe('who is asked to probe', () => {
  it('pings, passes the answer on, and says so when there is none', () => {
    const view = viewOf(['asker', 'target'])
    const asked = view.received('asker', { type: 'ask', number: 77, target: 'target', rumors: [] }, 100)
    const ping = sentTo(asked, 'target').find(({ type }) => type === 'ping')
    if (ping?.type !== 'ping') throw new Error('no ping')
    const late = pass(view, 300, [])
    expect(sentTo(late, 'asker')).toContainEqual({ type: 'nack', number: 77 })
    const effects = view.received('target', { type: 'ack', number: ping.number, digest: 0, rumors: [] }, 400)
    expect(sentTo(effects, 'asker')).toContainEqual(expect.objectContaining({ type: 'ack', number: 77 }))
  })

  it('does no more than a bounded number for one asker, and nothing for one outside the group', () => {
    const view = viewOf(['asker', 'target'])
    view.connected('outsider', 0)
    const pings = (from: string, count: number): number => {
      const effects = Array.from({ length: count }, (_, number) =>
        view.received(from, { type: 'ask', number, target: 'target', rumors: [] }, 100),
      ).flat()
      return sentTo(effects, 'target').filter(({ type }) => type === 'ping').length
    }
    expect(pings('asker', 1_000)).toBe(16)
    expect(pings('outsider', 10)).toBe(0)
  })
})

describe('what comes over the wire', () => {
  const rumor = { peer: 'p', state: 'alive', incarnation: 1, signature: new Uint8Array(64), firstHand: false }

  it.each([
    ['no object', null],
    ['a list', []],
    ['an unknown type', { type: 'vote', rumors: [] }],
    ['a number below zero', { type: 'nack', number: -1 }],
    ['a fraction', { type: 'nack', number: 0.5 }],
    ['no rumors', { type: 'gossip' }],
    ['too many rumors', { type: 'gossip', rumors: Array.from({ length: RUMORS_PER_MESSAGE_MAX + 1 }, () => rumor) }],
    ['an unknown state', { type: 'gossip', rumors: [{ ...rumor, state: 'left' }] }],
    ['an incarnation beyond the bound', { type: 'gossip', rumors: [{ ...rumor, incarnation: INCARNATION_MAX + 1 }] }],
    ['a signature that is none', { type: 'gossip', rumors: [{ ...rumor, signature: 'x' }] }],
    ['a signature too long', { type: 'gossip', rumors: [{ ...rumor, signature: new Uint8Array(SIGNATURE_BYTES_MAX + 1) }] }],
    ['a peer id too long', { type: 'ask', number: 1, target: 'p'.repeat(129), rumors: [] }],
    ['a digest that is none', { type: 'ping', number: 1, digest: 2 ** 32, rumors: [] }],
  ])('%s is refused', (_title, message) => {
    expect(() => validateMembershipMessage(message)).toThrow(InvalidMembershipMessageError)
  })

  it('is taken as it is when it is right, without what is unknown', () => {
    const message = { type: 'ping', number: 1, digest: 7, rumors: [rumor] }
    expect(validateMembershipMessage({ ...message, later: true })).toEqual(message)
  })

  it('never breaks the view, whatever members say in whatever order, and messages stay within their bound', () => {
    const peer = fc.constantFrom('me', 'a', 'b', 'far', 'ghost')
    const anyRumor = fc.record({
      peer,
      state: fc.constantFrom('alive', 'suspect', 'failed'),
      incarnation: fc.constantFrom(0, 1, 10, 11, INCARNATION_MAX),
      firstHand: fc.boolean(),
    })
    const rumors = fc.array(
      fc.oneof(
        anyRumor,
        anyRumor.map((one) => ({ ...one, signature: signatureOf(one.peer, one.incarnation) })),
      ),
      { maxLength: RUMORS_PER_MESSAGE_MAX },
    )
    const anyMessage = fc.oneof(
      fc.record({ type: fc.constantFrom('ping', 'ack'), number: fc.nat(20), digest: fc.nat(), rumors }),
      fc.record({ type: fc.constant('ask'), number: fc.nat(20), target: peer, rumors }),
      fc.record({ type: fc.constant('nack'), number: fc.nat(20) }),
      fc.record({ type: fc.constant('gossip'), rumors }),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'far', 'ghost'), anyMessage, fc.nat(800)), { maxLength: 60 }),
        (steps) => {
          const view = viewOf(['a', 'b'], ['far'])
          let nowMs = 0
          for (const [from, message, passedMs] of steps) {
            nowMs += passedMs
            const effects = [...view.tick(nowMs), ...view.received(from, validateMembershipMessage(message), nowMs)]
            for (const effect of effects) {
              if (effect.type === 'send') expect(validateMembershipMessage(effect.message)).toEqual(effect.message)
            }
            expect(view.nextTickAtMs() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(nowMs)
            expect(view.members().map((member) => member.peer)).toEqual(['a', 'b', 'far'])
          }
        },
      ),
      { seed: 11, numRuns: 500 },
    )
  })
})
