import { type KeyValueStore, silentLogger, systemClock } from '@vsmcp/kernel'
import { createMemoryStore, openStore } from '@vsmcp/store'
import { describe, expect, it } from 'vitest'
import { Lives } from '../src/recovery/lives.ts'
import { foundMesh, joinNode, startNode, until } from './support/group.ts'

const life = (number: number, nonce = `nonce-of-life-${number}-`) => ({ number, nonce })

function livesOn(stores = new Map<string, KeyValueStore>()) {
  const kv = (namespace: string): KeyValueStore => {
    const store = stores.get(namespace) ?? createMemoryStore()
    stores.set(namespace, store)
    return store
  }
  return { stores, lives: new Lives({ kv, self: 'self', clock: systemClock, logger: silentLogger }) }
}

const refusal = (work: () => void): string => {
  try {
    work()
    return 'accepted'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('the lives of nodes', () => {
  it('are counted on disk, each with a nonce of its own', async () => {
    const { lives, stores } = livesOn()
    await lives.start()
    const second = livesOn(stores).lives
    await second.start()
    expect([lives.own.number, second.own.number]).toEqual([1, 2])
    expect(second.own.nonce).not.toBe(lives.own.nonce)
  })

  it('go up only: a lower one and another of the same number are refused, also after a restart, and raised', async () => {
    const { lives, stores } = livesOn()
    await lives.start()
    await lives.remember('b', life(3))
    for (const known of [lives, livesOn(stores).lives]) {
      if (known !== lives) await known.start()
      expect(refusal(() => known.check('b', life(3)))).toBe('accepted')
      expect(refusal(() => known.check('b', life(4)))).toBe('accepted')
      expect(refusal(() => known.check('c', life(1)))).toBe('accepted')
      expect(refusal(() => known.check('b', undefined))).toBe('accepted')
      expect(known.problems(() => 'B')).toEqual([])
      expect(refusal(() => known.check('b', life(2)))).toBe('VSMCP_NODE_IDENTITY_COPIED')
      expect(known.problems(() => 'B').join()).toMatch(/^B came with life 2, and was in life 3 before/)
      expect(refusal(() => known.check('b', life(3, 'another-nonce-of-3')))).toBe('VSMCP_NODE_IDENTITY_COPIED')
      expect(known.problems(() => 'B').join()).toMatch(/^B came with life 3, which another process has/)
    }
  })

  it('are judged by who was connected: one that was only looked at leaves no trace', async () => {
    const { lives } = livesOn()
    await lives.start()
    await lives.remember('b', life(3))
    lives.check('b', life(9))
    expect(refusal(() => lives.check('b', life(4)))).toBe('accepted')
  })

  it('of who is no member any more are forgotten', async () => {
    const { lives, stores } = livesOn()
    await lives.start()
    await lives.remember('b', life(3))
    await lives.keepOnly((peer) => peer !== 'b')
    const again = livesOn(stores).lives
    await again.start()
    expect(refusal(() => again.check('b', life(1)))).toBe('accepted')
  })
})

describe('a node whose disk was put back to an earlier state', () => {
  it('is refused by the members that saw a later life of it; both sides say so; it comes back with a later life', async () => {
    const a = await foundMesh()
    const b = await joinNode(a, 'b')
    await until(a, () => a.members.isAlive(b.peer))
    await b.stop()
    const before = b.lives.own
    await setLife(b.dir, before.number - 1)

    const back = await startNode(b.dir)
    expect(back.lives.own.number).toBe(before.number)
    const name = (peer: string): string => (peer === b.peer ? 'b' : 'a')
    await until(a, () => a.lives.problems(name).length > 0)
    expect(a.lives.problems(name).join()).toMatch(/^b came with life 1, which another process has/)
    await until(back, () => back.lives.problems(name).length > 0)
    expect(back.lives.problems(name).join()).toMatch(/^a refuses this node/)
    expect(a.members.isAlive(b.peer)).toBe(false)
    await back.stop()

    const real = await startNode(b.dir)
    await until(a, () => a.members.isAlive(b.peer))
    expect(real.lives.own.number).toBe(before.number + 1)
  })
})

async function setLife(dir: string, number: number): Promise<void> {
  const store = await openStore({ dir })({ clock: systemClock, logger: silentLogger })
  const kv = store.kv('life')
  if (number === 0) await kv.write([{ type: 'del', key: 'life' }], { sync: true })
  else await kv.write([{ type: 'put', key: 'life', value: Buffer.from(JSON.stringify(life(number))) }], { sync: true })
  await store.stop()
}
