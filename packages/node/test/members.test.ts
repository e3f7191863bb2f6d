import { type Clock, type NoticeHandler, type Plane, seededRandom, silentLogger } from '@vsmcp/kernel'
import { type MembershipMessage, validateMembershipMessage } from '@vsmcp/membership'
import type { Mesh } from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import { pack, unpack } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { UNLISTED_GRACE_MS } from '../src/constants.ts'
import { evidenceText } from '../src/members/evidence-text.ts'
import { Members } from '../src/members/members.ts'

type Listener = (event: { peer: string; info: { passport: { addresses: string[] } } }) => void

/** Members over a mesh that only says who connects, and a clock that goes when told. */
async function membersOf(isListed: (peer: string) => boolean) {
  let now = 0
  let timers: { atMs: number; fn: () => void }[] = []
  const clock: Clock = {
    wallMs: () => now,
    monotonicMs: () => now,
    after(delayMs, fn) {
      const timer = { atMs: now + delayMs, fn }
      timers.push(timer)
      return { cancel: () => void (timers = timers.filter((each) => each !== timer)) }
    },
    every: () => ({ cancel: () => {} }),
  }
  const pass = (ms: number): void => {
    const until = now + ms
    for (;;) {
      const [next] = timers.filter(({ atMs }) => atMs <= until).toSorted((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      timers = timers.filter((each) => each !== next)
      now = next.atMs
      next.fn()
    }
    now = until
  }
  const listeners = new Map<string, Set<Listener>>()
  const dials: { peer: string | undefined; end: PromiseWithResolvers<never> }[] = []
  const hungUp: string[] = []
  const mesh = {
    peerId: 'self',
    on: (event: string, listener: Listener) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener))
      return () => void listeners.get(event)?.delete(listener)
    },
    hangUp: async (peer: string) => void hungUp.push(peer),
    dial: (_addresses: string[], { expect: peer }: { expect?: string }) => {
      const end = Promise.withResolvers<never>()
      dials.push({ peer, end })
      return end.promise
    },
  } as unknown as Mesh<VerifiedPassport>
  const sent: { to: string; message: MembershipMessage }[] = []
  let onNotice: NoticeHandler = () => {}
  const control: Plane = {
    call: () => Promise.reject(new Error('nothing is called')),
    notify: (to, _method, payload) => sent.push({ to, message: validateMembershipMessage(unpack(payload)) }) > 0,
    handle: () => {},
    onNotice: (_method, handler) => void (onNotice = handler),
  }
  const alive = { signAlive: () => new Uint8Array(64), verifyAlive: () => true }
  const random = seededRandom(1)
  const members = new Members({ mesh, control, alive, isListed, clock, random, logger: silentLogger })
  await members.start()
  const connect = (peer: string): void =>
    listeners.get('peer:up')?.forEach((listener) => listener({ peer, info: { passport: { addresses: [] } } }))
  const receive = (peer: string, message: unknown): void =>
    onNotice(peer, message instanceof Uint8Array ? message : pack(message))
  return { members, hungUp, connect, pass, receive, sent, dials, listeners }
}

describe('a connected peer with a good credential', () => {
  it('that no docket lists is let go after a while, and not dialed again', async () => {
    const { members, hungUp, connect, pass } = await membersOf(() => false)
    connect('gone-long-ago')
    pass(UNLISTED_GRACE_MS - 1)
    expect(hungUp).toEqual([])
    pass(1)
    expect(hungUp).toEqual(['gone-long-ago'])
    expect(members.get('gone-long-ago')).toBeUndefined()
  })

  it('that the docket lists in time stays', async () => {
    const { members, hungUp, connect, pass } = await membersOf(() => false)
    connect('newcomer')
    members.reconcile([{ peer: 'newcomer', addresses: [] }])
    pass(10 * UNLISTED_GRACE_MS)
    expect(hungUp).toEqual([])
    expect(members.get('newcomer')?.state).toBe('alive')
  })

  it('stays while nobody can know better, and is looked at again', async () => {
    let isKnown = false
    const { hungUp, connect, pass } = await membersOf(() => !isKnown)
    connect('maybe')
    pass(3 * UNLISTED_GRACE_MS)
    expect(hungUp).toEqual([])
    isKnown = true
    pass(UNLISTED_GRACE_MS)
    expect(hungUp).toEqual(['maybe'])
  })
})

describe('the list of members', () => {
  it('lets go of who is on it no more, after a moment for its goodbye, but not of who was never on it', async () => {
    const { members, hungUp, connect, pass } = await membersOf(() => true)
    members.reconcile([
      { peer: 'a', addresses: [] },
      { peer: 'b', addresses: [] },
    ])
    for (const peer of ['a', 'b', 'newcomer']) connect(peer)
    members.reconcile([{ peer: 'a', addresses: [] }])
    expect(members.get('b')?.state).toBe('left')
    expect(hungUp).toEqual([])
    pass(2_000)
    expect(hungUp).toEqual(['b'])
    expect(members.get('newcomer')?.state).toBe('alive')
  })
})

describe('a member that falls silent with its connection open', () => {
  const gossip = { type: 'gossip', rumors: [] }

  it('is pinged, suspected, failed, and hung up on, and it can be told why', async () => {
    const { members, hungUp, connect, pass, receive, sent } = await membersOf(() => true)
    members.reconcile([{ peer: 'a', addresses: [] }])
    connect('a')
    receive('a', gossip)
    pass(1_000)
    expect(sent.map(({ to, message }) => `${to} ${message.type}`)).toContain('a ping')
    pass(5_000)
    expect(members.get('a')?.state).toBe('failed')
    expect(members.isAlive('a')).toBe(false)
    expect(hungUp).toEqual(['a'])
    const { why } = members.get('a') ?? {}
    expect(why && evidenceText(why, members.nowMs, (peer) => peer)).toMatch(/^silent for \d s; nobody else to ask$/)
  })

  it('is left to the connection itself when it never spoke this protocol', async () => {
    const { members, connect, pass, sent } = await membersOf(() => true)
    members.reconcile([{ peer: 'old', addresses: [] }])
    connect('old')
    pass(60_000)
    expect(members.isAlive('old')).toBe(true)
    expect(sent.filter(({ message }) => message.type === 'ping')).toEqual([])
  })

  it('is answered when it asks, and what cannot be read changes nothing', async () => {
    const { members, connect, receive, sent } = await membersOf(() => true)
    members.reconcile([{ peer: 'a', addresses: [] }])
    connect('a')
    receive('a', { type: 'ping', number: 7, digest: 0, rumors: [] })
    expect(sent.map(({ message }) => message)).toContainEqual(expect.objectContaining({ type: 'ack', number: 7 }))
    const before = sent.length
    for (const bytes of [new Uint8Array([0xc1]), new Uint8Array(100_000), pack({ type: 'gossip' }), pack(null)])
      receive('a', bytes)
    expect(sent).toHaveLength(before)
    expect(members.isAlive('a')).toBe(true)
  })
})

describe('the reason of a state', () => {
  it.each([
    [{ kind: 'silent', sinceMs: 1_000, asked: ['m', 'q'] }, 'silent for 3 s; asked through mill, quarry'],
    [{ kind: 'accused', by: ['m'] }, 'found silent by mill'],
    [{ kind: 'reached', through: 'q' }, 'not connected from here; reached through quarry'],
    [{ kind: 'told', by: 'q' }, 'not connected from here; quarry says it is alive'],
    [{ kind: 'refused' }, 'nobody answers at its addresses'],
  ] as const)('%o reads "%s"', (why, text) => {
    expect(evidenceText(why, 4_000, (peer) => (peer === 'm' ? 'mill' : 'quarry'))).toBe(text)
  })
})

describe('a member that others reach', () => {
  /** `far` is alive by the word of `hub`, and not connected. */
  async function told() {
    const all = await membersOf(() => true)
    all.members.reconcile([
      { peer: 'hub', addresses: [] },
      { peer: 'far', addresses: ['/far'] },
    ])
    all.connect('hub')
    all.receive('hub', { type: 'gossip', rumors: [{ peer: 'far', state: 'alive', incarnation: 0, firstHand: false }] })
    expect(all.members.get('far')).toMatchObject({ state: 'alive', isConnected: false })
    expect([all.members.isAlive('far'), all.members.isHearsay('far'), all.members.isHearsay('hub')]).toEqual([false, true, false])
    return all
  }
  const isOver = async (promise: Promise<void>): Promise<boolean> =>
    Promise.race([
      promise.then(() => true),
      Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => false),
    ])

  it('is dialled at once when it is asked for, and whoever waits goes on as soon as it is up', async () => {
    const { members, connect, dials, listeners } = await told()
    const before = listeners.get('peer:up')?.size
    const reached = members.reach('far', 1_000)
    expect(dials.map(({ peer }) => peer)).toContain('far')
    expect(await isOver(reached)).toBe(false)
    connect('far')
    await reached
    expect(members.isAlive('far')).toBe(true)
    expect(listeners.get('peer:up')?.size).toBe(before)
  })

  it('is said to be connected once whoever looks sees it so, though its state is what it was', async () => {
    const { members, connect, listeners } = await told()
    const seen: string[] = []
    members.on('member:state', ({ peer, to }) => seen.push(`${peer} ${to}`))
    members.on('connection', ({ peer }) => seen.push(`${peer} is alive here: ${members.isAlive(peer)}`))
    connect('far')
    expect(seen).toEqual(['far is alive here: true'])
    for (const listener of listeners.get('peer:down') ?? []) listener({ peer: 'far', info: { passport: { addresses: [] } } })
    expect(seen.at(-1)).toBe('far is alive here: false')
  })

  it('keeps nobody waiting longer than asked for, nor when its dial fails, the caller gives up, or there is no way to it', async () => {
    const { members, pass, dials } = await told()
    const inTime = members.reach('far', 1_000)
    pass(999)
    expect(await isOver(inTime)).toBe(false)
    pass(1)
    await inTime
    const failing = members.reach('far', 60_000)
    dials.find(({ peer }) => peer === 'far')?.end.reject(new Error('nobody is there'))
    await failing
    const leaving = new AbortController()
    const given = members.reach('far', 60_000, leaving.signal)
    leaving.abort()
    await given
    await members.reach('hub', 60_000)
    await members.reach('nobody', 60_000)
  })
})
