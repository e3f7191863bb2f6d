import { createHash } from 'node:crypto'
import { type Clock, silentLogger, systemClock } from '@vsmcp/kernel'
import { generateIdentity } from '@vsmcp/security'
import { createMemoryStore } from '@vsmcp/store'
import { describe, expect, it } from 'vitest'
import { SESSION_KEY_KEPT_MS } from '../src/constants.ts'
import { SealedSessionIds } from '../src/keys/sealed-session-ids.ts'
import { SessionKeys, type SessionKeysComponents } from '../src/keys/session-keys.ts'
import { evictionOf, followersOf, leaderOf, startGroup, type TestNode, until } from './support/group.ts'

const held = (node: TestNode): boolean => node.sessionKeys.view()?.held === true
const has = (node: TestNode, id: string): boolean => node.sessionKeys.view()?.id === id && held(node)

describe('sealed session ids', () => {
  const key = new Uint8Array(32).fill(7)
  let accepted: ReadonlySet<string> = new Set(['AAAAAAAAAAA'])
  const ids = (self: string, current: string | undefined = 'AAAAAAAAAAA', life = 1, with_ = key) =>
    new SealedSessionIds({
      keys: {
        current: () => (current === undefined ? undefined : { id: current, key: with_, supersededAtMs: undefined }),
        accepted: (id) => (accepted.has(id) ? with_ : undefined),
      },
      self,
      group: 'mesh root',
      life: () => life,
      members: () => ['a', 'b'],
    })

  it('tell every member who made them, differ each time, and are a header safe to send', () => {
    const a = ids('a')
    const made = [a.make(), a.make(), ids('a', 'AAAAAAAAAAA', 2).make()]
    expect(new Set(made).size).toBe(3)
    for (const id of made) {
      expect(id).toMatch(/^[\w-]{82}$/)
      expect(ids('b').ownerOf(id)).toBe('a')
    }
  })

  it('are refused when changed in any byte, of another key, another group member, or a key that is not accepted any more', () => {
    const id = ids('a').make()
    const bytes = Buffer.from(id, 'base64url')
    for (let at = 0; at < bytes.length; at++) {
      const copy = Buffer.from(bytes)
      copy[at] = (copy[at] ?? 0) ^ 1
      expect(ids('b').ownerOf(copy.toString('base64url')), `byte ${at}`).toBeUndefined()
    }
    expect(ids('b', 'AAAAAAAAAAA', 1, new Uint8Array(32)).ownerOf(id)).toBeUndefined()
    expect(ids('b').ownerOf(ids('stranger').make())).toBeUndefined()
    for (const text of ['', 'x', `${id}A`, id.slice(1), `${id}=`]) expect(ids('b').ownerOf(text), text).toBeUndefined()
    accepted = new Set()
    expect(ids('b').ownerOf(id)).toBeUndefined()
    accepted = new Set(['AAAAAAAAAAA'])
  })

  it('are random while the group has no key', () => {
    const id = ids('a', '').make()
    expect(id).not.toBe('')
    const none = new SealedSessionIds({
      keys: { current: () => undefined, accepted: () => undefined },
      self: 'a',
      group: 'g',
      life: () => 1,
      members: () => ['a'],
    })
    expect(none.make()).toMatch(/^[\w-]{22}$/)
    expect(none.ownerOf(none.make())).toBeUndefined()
  })
})

describe('the session key of a group', () => {
  it('is made by whoever leads, reaches every member, and is another one on demand; the one before is accepted', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [follower] = followersOf(nodes)
    await Promise.all(nodes.map((node) => until(node, () => held(node))))
    const before = leader.sessionKeys.view()?.id ?? ''
    const key = leader.sessionKeys.accepted(before)
    for (const node of nodes) expect(node.sessionKeys.accepted(before)).toEqual(key)

    const id = await follower.sessionKeys.rotate()
    expect(id).not.toBe(before)
    await Promise.all(nodes.map((node) => settled(node, () => has(node, id))))
    for (const node of nodes) {
      expect(node.sessionKeys.accepted(id)).toEqual(leader.sessionKeys.accepted(id))
      expect(node.sessionKeys.accepted(before)).toEqual(key)
      expect(node.sessionKeys.view()?.previous?.id).toBe(before)
      expect(node.log.state?.sessionKey).not.toHaveProperty('key')
    }
  })

  it('is given to members only, and never for an id that was not decided', async () => {
    const [a, b] = (await startGroup(2)) as [TestNode, TestNode]
    await until(a, () => held(a))
    await expect(
      b.control.call(a.peer, 'session-key:get', Buffer.from('AAAAAAAAAAA'), { deadlineMs: 5_000 }),
    ).rejects.toMatchObject({ remoteCode: 'VSMCP_INVALID_ARGUMENT' })
  })

  it('is another one after an eviction, made by System 5 itself, and who was evicted does not get it', async () => {
    const [a, b] = (await startGroup(2)) as [TestNode, TestNode]
    await Promise.all([a, b].map((node) => settled(node, () => held(node))))
    const before = a.sessionKeys.view()?.id
    await a.decisions.decide(await evictionOf(a, b.peer))
    await settled(a, () => a.sessionKeys.view()?.id !== before && held(a))
    expect(b.sessionKeys.accepted(a.sessionKeys.view()?.id ?? '')).toBeUndefined()
    expect(a.sessionKeys.view()?.previous?.id).toBe(before)
  })

  it('is accepted for an hour after this node heard of the next, then forgotten, on disk too; a wrong key is not taken', async () => {
    let wallMs = 1_000
    const clock: Clock = { ...systemClock, wallMs: () => wallMs }
    const key = (fill: number) => new Uint8Array(32).fill(fill)
    const digest = (fill: number) => createHash('sha256').update(key(fill)).digest('base64url')
    const record = (keyId: string, fill: number) => ({ keyId, digest: digest(fill), by: 'liar', index: 1, atMs: 0 })
    const kv = createMemoryStore()
    let sessionKey = record('first', 1)
    let heard = (): void => {}
    const log = {
      get state() {
        return { sessionKey, charter: { featureLevel: 2, revocations: [] } }
      },
      isLeader: false,
      status: () => undefined,
      on: (_: string, listener: () => void) => {
        heard = listener
        return () => {}
      },
    } as unknown as SessionKeysComponents['log']
    const control = {
      handle: () => {},
      call: async (peer: string, _: string, id: Uint8Array) => {
        if (peer === 'liar') return key(9)
        return Buffer.from(id).toString() === 'first' ? key(1) : key(2)
      },
    } as unknown as SessionKeysComponents['control']
    const keys = new SessionKeys({
      kv: () => kv,
      identity: generateIdentity(),
      log,
      decisions: {} as SessionKeysComponents['decisions'],
      control,
      peers: () => ['honest'],
      clock,
      logger: silentLogger,
    })
    await keys.start()
    await turns(() => keys.accepted('first') !== undefined)
    expect(keys.accepted('first')).toEqual(key(1))
    wallMs += 10 * SESSION_KEY_KEPT_MS
    expect(keys.accepted('first')).toEqual(key(1))

    sessionKey = record('second', 2)
    heard()
    await turns(() => keys.accepted('second') !== undefined)
    wallMs += SESSION_KEY_KEPT_MS - 1
    expect(keys.accepted('first')).toEqual(key(1))
    wallMs += 1
    expect(keys.accepted('first')).toBeUndefined()
    expect(keys.accepted('second')).toEqual(key(2))
    heard()
    await turns(async () => (await kv.get('first')) === undefined)
    expect(await kv.get('second')).toBeDefined()
    await keys.stop()
  })
})

async function turns(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve))
}

/** The key comes by a call of its own, after the entry that names it. */
async function settled(node: TestNode, holds: () => boolean): Promise<void> {
  for (;;) {
    if (holds()) return
    await new Promise((resolve) => setImmediate(resolve))
    await node.log.readIndex().catch(() => {})
  }
}
