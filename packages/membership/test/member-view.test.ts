import { seededRandom } from '@vsmcp/kernel'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DIAL_TIMEOUT_MS,
  DIALS_MAX,
  GREET_AGAIN_MS,
  LASTING_MS,
  NACK_AFTER_MS,
  PING_TIMEOUT_MS,
  REDIAL_BASE_MS,
  REDIAL_MAX_MS,
  PROBE_PERIOD_MS,
  SUSPICION_PERIODS,
  UNSEEN_MS,
  HEARSAY_MS,
  YIELD_KNOWN_MS,
  YIELD_MS,
} from '../src/constants.ts'
import { membership, type MembershipEffect, type MembershipInit, type MembershipView } from '../src/index.ts'

/** Lower and higher than every other, so that who yields is chosen by the test. */
const LOW = 'a'
const HIGH = 'z'
const PEER = 'm'

const viewOf = (self = LOW, init: Partial<MembershipInit> = {}): MembershipView =>
  membership({ self, ...init })({ random: seededRandom(1) })
/** Dials and changes of state; what is sent is the business of other tests. */
const short = (effects: readonly MembershipEffect[]): string[] =>
  effects.flatMap((effect) => {
    if (effect.type === 'dial') return [`dial ${effect.peer} #${effect.attempt}`]
    return effect.type === 'state' ? [`${effect.peer}: ${effect.from} → ${effect.to}`] : []
  })
/** Tells the time whenever it is asked for, until then. */
function pass(view: MembershipView, untilMs: number): MembershipEffect[] {
  const effects: MembershipEffect[] = []
  for (let at = view.nextTickAtMs(); at !== undefined && at <= untilMs; at = view.nextTickAtMs()) effects.push(...view.tick(at))
  return effects
}
/** Long enough for all that could still be planned. */
const QUIET_MS = 2 * REDIAL_MAX_MS
/** How long one of two is suspected. */
const SUSPICION_MS = SUSPICION_PERIODS * PROBE_PERIOD_MS

/** A member that was connected long enough to count. */
function lasting(self = LOW, init: Partial<MembershipInit> = {}): { view: MembershipView; nowMs: number } {
  const view = viewOf(self, init)
  view.memberAdded(PEER, ['/p'], 0)
  view.connected(PEER, 10)
  view.dialSucceeded(PEER, 10)
  return { view, nowMs: 10 + LASTING_MS }
}

describe('the constants', () => {
  it('stand in order: ping timeout < period, yield < suspicion < dial timeout, base ≤ max, a short life is shorter than the longest back-off', () => {
    expect(PING_TIMEOUT_MS + NACK_AFTER_MS).toBeLessThan(PROBE_PERIOD_MS)
    expect(YIELD_MS).toBeLessThan(SUSPICION_MS)
    expect(UNSEEN_MS).toBeLessThan(DIAL_TIMEOUT_MS)
    expect(SUSPICION_MS).toBeLessThan(DIAL_TIMEOUT_MS)
    expect(REDIAL_BASE_MS).toBeLessThan(REDIAL_MAX_MS)
    expect(LASTING_MS).toBeLessThan(REDIAL_MAX_MS)
  })
})

describe('a connected peer that was not heard yet', () => {
  const greets = (effects: readonly MembershipEffect[]): unknown[] =>
    effects.flatMap((effect) => (effect.type === 'send' ? [effect.to, effect.message.type] : []))

  it('is greeted again, for both greetings may get lost, until it says something; then it is probed', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.dialSucceeded(PEER, 5)
    expect(greets(view.connected(PEER, 6))).toEqual([PEER, 'gossip'])
    expect(view.nextTickAtMs()).toBe(6 + GREET_AGAIN_MS)
    expect(greets(view.tick(6 + GREET_AGAIN_MS))).toEqual([PEER, 'gossip'])
    view.received(PEER, { type: 'gossip', rumors: [] }, 7 + GREET_AGAIN_MS)
    expect(greets(pass(view, 7 + GREET_AGAIN_MS + PROBE_PERIOD_MS))).toEqual([PEER, 'ping'])
  })

  it('is greeted no more when it is gone', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.connected(PEER, 6)
    view.disconnected(PEER, 7)
    view.memberRemoved(PEER, 8)
    expect(greets(pass(view, QUIET_MS))).toEqual([])
  })
})

describe('a new member', () => {
  it('is suspect until seen, and dialed at once by the lower PeerId', () => {
    const view = viewOf(LOW)
    expect(short(view.memberAdded(PEER, ['/p'], 0))).toEqual(['m: null → suspect', 'dial m #0'])
  })

  it('is dialed by the higher PeerId after its delay', () => {
    const view = viewOf(HIGH)
    expect(short(view.memberAdded(PEER, ['/p'], 0))).toEqual(['m: null → suspect'])
    expect(view.nextTickAtMs()).toBe(YIELD_MS)
    expect(short(view.tick(YIELD_MS - 1))).toEqual([])
    expect(short(view.tick(YIELD_MS))).toEqual(['dial m #0'])
  })

  it('is not dialed by the higher PeerId when the lower one was quicker', () => {
    const view = viewOf(HIGH)
    view.memberAdded(PEER, ['/p'], 0)
    expect(short(view.connected(PEER, 20))).toEqual(['m: suspect → alive'])
    expect(short(pass(view, QUIET_MS))).toEqual([])
    expect(short(view.tick(100_000))).toEqual([])
  })

  it('without an address is dialed as soon as one is learned', () => {
    const view = viewOf()
    expect(short(view.memberAdded(PEER, [], 0))).toEqual(['m: null → suspect'])
    expect(short(view.addressesLearned(PEER, ['/p'], 50))).toEqual(['dial m #0'])
  })

  it('that comes to know the others as they come to know it is left to the lower PeerId for longer, if it has to yield', () => {
    for (const [self, dialAtMs] of [
      [HIGH, 50 + YIELD_KNOWN_MS],
      // Somebody may say that it reaches the newcomer.
      [LOW, 50 + HEARSAY_MS],
    ] as const) {
      const view = viewOf(self)
      view.memberAdded('first', ['/f'], 0)
      view.connected('first', 10)
      view.memberAdded(PEER, [], 20)
      const effects = [...view.addressesLearned(PEER, ['/p'], 50), ...view.memberAdded('n', ['/n'], 50)]
      expect(short([...effects, ...view.tick(dialAtMs - 1)]).filter((each) => each.startsWith('dial'))).toEqual([])
      expect(short(view.tick(dialAtMs))).toEqual(['dial m #0', 'dial n #0'])
      // whom nobody knows by such ways does not wait so long: the connection is lost again
      view.disconnected('first', dialAtMs + 1)
      view.memberAdded('lone', ['/l'], 10_000)
      if (self === HIGH) expect(short(view.tick(10_000 + YIELD_MS))).toContain('dial lone #0')
    }
  })

  it('known already only brings its addresses', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    expect(short(view.memberAdded(PEER, ['/q'], 1))).toEqual([])
    expect(view.member(PEER)?.addresses).toEqual(['/q', '/p'])
  })

  it('cannot be the node itself', () => {
    expect(() => viewOf().memberAdded(LOW, [], 0)).toThrow(/no member of its own view/)
  })

  it('beyond the bound is refused, and those known stay', () => {
    const view = viewOf()
    for (let at = 0; at < 10_000; at++) view.memberAdded(`p${at}`, [], 0)
    expect(() => view.memberAdded('one-more', [], 0)).toThrow(expect.objectContaining({ code: 'VSMCP_BUSY' }))
    expect(short(view.connected('one-more', 0))).toEqual([])
    expect(view.members()).toHaveLength(10_000)
  })
})

describe('a connection that closes', () => {
  it('makes the member suspect and is dialed again at once', () => {
    const { view, nowMs } = lasting()
    expect(short(view.disconnected(PEER, nowMs))).toEqual(['m: alive → suspect', 'dial m #0'])
  })

  it('and a refused redial make it failed', () => {
    const { view, nowMs } = lasting()
    view.disconnected(PEER, nowMs)
    expect(short(view.dialFailed(PEER, nowMs + 1, 'refused'))).toEqual(['m: suspect → failed'])
    expect(view.member(PEER)).toMatchObject({ state: 'failed', sinceMs: nowMs + 1 })
  })

  it.each(['timeout', 'local'] as const)('and a redial that ended in %s leave it suspect until the time is over', (why) => {
    const { view, nowMs } = lasting()
    view.disconnected(PEER, nowMs)
    expect(short(view.dialFailed(PEER, nowMs + 1, why))).toEqual([])
    const over = nowMs + SUSPICION_MS
    expect(short(pass(view, over - 1)).filter((line) => !line.startsWith('dial'))).toEqual([])
    expect(short(pass(view, over))).toContain('m: suspect → failed')
  })

  it('and is back is alive again, its back-off forgotten once it lasted', () => {
    const { view, nowMs } = lasting()
    view.disconnected(PEER, nowMs)
    view.dialFailed(PEER, nowMs + 1, 'refused')
    view.tick(nowMs + 400)
    expect(short(view.connected(PEER, nowMs + 500))).toEqual(['m: failed → alive'])
    view.dialSucceeded(PEER, nowMs + 500)
    expect(short(view.disconnected(PEER, nowMs + 500 + LASTING_MS))).toEqual(['m: alive → suspect', 'dial m #0'])
  })

  it('soon after it opened is dialed at once the first time, and with back-off when that does not last either', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.connected(PEER, 10)
    view.dialSucceeded(PEER, 10)
    expect(short(view.disconnected(PEER, 20))).toEqual(['m: alive → suspect', 'dial m #1'])
    view.connected(PEER, 30)
    view.dialSucceeded(PEER, 30)
    expect(short(view.disconnected(PEER, 40))).toEqual(['m: alive → suspect'])
    expect(view.nextTickAtMs()).toBeGreaterThanOrEqual(40 + REDIAL_BASE_MS)
  })

  it('reported for a member that was not connected changes nothing', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    expect(short(view.disconnected(PEER, 1))).toEqual([])
    expect(short(view.disconnected('stranger', 1))).toEqual([])
  })
})

describe('a dial', () => {
  it('that nobody reports on counts as timed out, and frees its place', () => {
    const view = viewOf(LOW, { dialsMax: 1 })
    expect(short(view.memberAdded(PEER, ['/p'], 0))).toContain('dial m #0')
    expect(short(view.memberAdded('n', ['/n'], 0))).toEqual(['n: null → suspect'])
    expect(short(view.tick(DIAL_TIMEOUT_MS - 1)).filter((line) => line.startsWith('dial'))).toEqual([])
    expect(short(view.tick(DIAL_TIMEOUT_MS)).filter((line) => line.startsWith('dial'))).toEqual(['dial n #0'])
  })

  it('that nobody reports on is not repeated when the peer came in by itself', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.connected(PEER, 5)
    expect(short(view.tick(DIAL_TIMEOUT_MS))).toEqual([])
    expect(short(pass(view, QUIET_MS))).toEqual([])
  })

  it('that was due first goes first, whoever was known first', () => {
    const view = viewOf('g', { dialsMax: 1 })
    view.memberAdded('m', ['/m'], 0)
    view.memberAdded('a', ['/a'], 10)
    view.memberAdded('n', ['/n'], 20)
    expect(short(view.dialFailed('m', YIELD_MS + 20, 'local'))).toEqual(['dial n #0'])
    expect(short(view.dialFailed('n', YIELD_MS + 30, 'local'))).toEqual(['dial a #0'])
  })

  it('that succeeds without a hello afterwards is tried again', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    expect(short(view.dialSucceeded(PEER, 5))).toEqual([])
    expect(view.member(PEER)?.state).toBe('suspect')
    const next = view.nextTickAtMs() ?? 0
    expect(next).toBeGreaterThan(5)
    expect(short(view.tick(next))).toEqual(['dial m #1'])
  })

  it('that succeeded before or after the connection was reported is not repeated', () => {
    for (const order of ['before', 'after']) {
      const view = viewOf()
      view.memberAdded(PEER, ['/p'], 0)
      if (order === 'before') view.dialSucceeded(PEER, 5)
      view.connected(PEER, 6)
      if (order === 'after') view.dialSucceeded(PEER, 7)
      expect(short(pass(view, QUIET_MS))).toEqual([])
    }
  })

  it('under way when the peer comes in and goes again is not doubled', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.connected(PEER, 5)
    expect(short(view.disconnected(PEER, 6))).toEqual(['m: alive → suspect'])
    expect(short(view.dialFailed(PEER, 7, 'refused'))).toEqual(['m: suspect → failed'])
    expect(short(view.tick(view.nextTickAtMs() ?? 0))).toEqual(['dial m #1'])
  })

  it('that failed while the peer came in by itself says nothing against it', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.connected(PEER, 5)
    expect(short(view.dialFailed(PEER, 6, 'refused'))).toEqual([])
    expect(view.member(PEER)?.state).toBe('alive')
  })

  it('waits its turn: no more at once than allowed, the longest due first', () => {
    const view = viewOf()
    const effects = Array.from({ length: 12 }, (_, at) => view.memberAdded(`p${at}`, ['/p'], at)).flat()
    expect(short(effects).filter((line) => line.startsWith('dial'))).toHaveLength(DIALS_MAX)
    expect(short(view.connected('p0', 20))).toEqual(['p0: suspect → alive'])
    expect(short(view.dialSucceeded('p0', 20))).toEqual(['dial p8 #0'])
    expect(short(view.memberRemoved('p1', 21))).toEqual(['dial p9 #0'])
    expect(short(view.memberLeft('p2', 22))).toEqual(['p2: suspect → left', 'dial p10 #0'])
    expect(short(view.dialFailed('p3', 23, 'local'))).toEqual(['dial p11 #0'])
  })

  it('that fails again and again comes ever later, never later than the longest', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    let nowMs = 0
    const waits: number[] = []
    for (let attempt = 0; attempt < 14; attempt++) {
      view.dialFailed(PEER, nowMs, 'refused')
      const next = view.nextTickAtMs() ?? 0
      waits.push(next - nowMs)
      nowMs = next
      expect(short(view.tick(nowMs))).toEqual([`dial m #${attempt + 1}`])
    }
    for (const [attempt, wait] of waits.entries()) {
      const ceiling = Math.min(REDIAL_MAX_MS, REDIAL_BASE_MS * 2 ** attempt)
      expect(wait).toBeGreaterThanOrEqual(ceiling / 2)
      expect(wait).toBeLessThanOrEqual(ceiling)
    }
    expect(new Set(waits.slice(-4)).size).toBeGreaterThan(1)
  })
})

describe('a member that said goodbye', () => {
  it('is not dialed, neither when its connection closes nor later', () => {
    const { view, nowMs } = lasting()
    expect(short(view.memberLeft(PEER, nowMs))).toEqual(['m: alive → left'])
    expect(short(view.disconnected(PEER, nowMs + 1))).toEqual([])
    expect(short(view.addressesLearned(PEER, ['/new'], nowMs + 2))).toEqual([])
    expect(view.nextTickAtMs()).toBeUndefined()
    expect(short(view.tick(nowMs + 1_000_000))).toEqual([])
    expect(view.member(PEER)?.state).toBe('left')
  })

  it('while it was being dialed stays left, whatever comes of the dial', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.memberLeft(PEER, 1)
    expect(short([...view.dialFailed(PEER, 2, 'refused'), ...view.dialSucceeded(PEER, 3), ...view.tick(1_000_000)])).toEqual([])
  })

  it('is back when it is added again: dialed, or alive if its connection still stands', () => {
    const { view, nowMs } = lasting()
    view.memberLeft(PEER, nowMs)
    expect(short(view.memberAdded(PEER, ['/p'], nowMs + 1))).toEqual(['m: left → alive'])
    view.memberLeft(PEER, nowMs + 2)
    view.disconnected(PEER, nowMs + 3)
    expect(short(view.memberAdded(PEER, ['/p'], nowMs + 4))).toEqual(['m: left → suspect', 'dial m #0'])
  })

  it('is back when it connects', () => {
    const { view, nowMs } = lasting()
    view.memberLeft(PEER, nowMs)
    view.disconnected(PEER, nowMs + 1)
    expect(short(view.connected(PEER, nowMs + 2))).toEqual(['m: left → alive'])
  })
})

describe('a member that is removed', () => {
  it('is forgotten, whatever is reported of it afterwards', () => {
    const { view, nowMs } = lasting()
    expect(short(view.memberRemoved(PEER, nowMs))).toEqual([])
    expect(view.member(PEER)).toBeUndefined()
    expect(
      short([
        ...view.disconnected(PEER, nowMs),
        ...view.dialFailed(PEER, nowMs, 'refused'),
        ...view.dialSucceeded(PEER, nowMs),
        ...view.memberLeft(PEER, nowMs),
        ...view.addressesLearned(PEER, ['/p'], nowMs),
        ...view.tick(nowMs + 1_000_000),
      ]),
    ).toEqual([])
    expect(view.members()).toEqual([])
  })
})

describe('a verified peer that nobody has listed yet', () => {
  it('is alive, and dialed when it goes once an address is known', () => {
    const view = viewOf()
    expect(short(view.connected(PEER, 0))).toEqual(['m: null → alive'])
    expect(short(view.disconnected(PEER, LASTING_MS))).toEqual(['m: alive → suspect'])
    expect(short(view.addressesLearned(PEER, ['/p'], LASTING_MS + 1))).toEqual(['dial m #0'])
  })

  it('is never the node itself', () => {
    expect(short(viewOf().connected(LOW, 0))).toEqual([])
  })
})

describe('addresses', () => {
  it('are bounded, the newest first, each once', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    view.addressesLearned(
      PEER,
      Array.from({ length: 40 }, (_, at) => `/${at}`),
      1,
    )
    view.addressesLearned(PEER, ['/3', '/3'], 2)
    const { addresses = [] } = view.member(PEER) ?? {}
    expect(addresses).toHaveLength(16)
    expect(addresses.slice(0, 3)).toEqual(['/3', '/0', '/1'])
  })

  it('that are new bring a waiting dial forward; those known, or too many, do not', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    for (const nowMs of [1, 1_000, 5_000]) {
      view.dialFailed(PEER, nowMs, 'refused')
      view.tick(view.nextTickAtMs() ?? 0)
    }
    const nowMs = 60_000
    view.dialFailed(PEER, nowMs, 'refused')
    expect(short(view.addressesLearned(PEER, ['/p'], nowMs))).toEqual([])
    expect(short(view.addressesLearned(PEER, ['/q'], nowMs))).toEqual(['dial m #4'])
  })

  it('sent over and over do not make it dial faster than the first back-off', () => {
    const view = viewOf()
    view.memberAdded(PEER, ['/p'], 0)
    let dials = 0
    for (let nowMs = 1; nowMs <= 10_000; nowMs++) {
      const effects = [...view.dialFailed(PEER, nowMs, 'refused'), ...view.addressesLearned(PEER, [`/${nowMs}`], nowMs)]
      dials += effects.filter(({ type }) => type === 'dial').length
    }
    expect(dials).toBeLessThanOrEqual(10_000 / REDIAL_BASE_MS)
  })
})

describe('whatever happens in whatever order', () => {
  const peer = fc.constantFrom('b', 'c', 'm', 'y')
  const action = fc.oneof(
    fc.tuple(
      fc.constantFrom('memberAdded', 'addressesLearned'),
      peer,
      fc.array(fc.constantFrom('/1', '/2', '/3'), { maxLength: 2 }),
    ),
    fc.tuple(fc.constantFrom('memberRemoved', 'memberLeft', 'connected', 'disconnected', 'dialSucceeded'), peer),
    fc.tuple(fc.constant('dialFailed'), peer, fc.constantFrom('refused', 'timeout', 'local')),
    fc.tuple(fc.constant('tick')),
  )

  it('dials are bounded, only of who is neither there nor gone for good, states follow from each other, and no tick asks for another at once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(action, fc.nat(3_000)), { maxLength: 60 }),
        fc.constantFrom(LOW, HIGH, 'g'),
        (steps, self) => {
          const view = viewOf(self, { dialsMax: 2 })
          const known = new Map<string, string>()
          let nowMs = 0
          for (const [[method, of = '', detail], passedMs] of steps) {
            nowMs += passedMs
            const effects = apply(view, method, of, detail, nowMs)
            if (method === 'memberRemoved') known.delete(of)
            for (const effect of effects) {
              if (effect.type === 'state') {
                expect(effect.from).toBe(known.get(effect.peer) ?? null)
                expect(effect.to).not.toBe(effect.from)
                known.set(effect.peer, effect.to)
              } else if (effect.type === 'dial') {
                expect(['suspect', 'failed']).toContain(known.get(effect.peer))
                expect(effect.addresses.length).toBeGreaterThan(0)
              }
            }
            for (const member of view.members()) expect(known.get(member.peer)).toBe(member.state)
            expect(effects.filter(({ type }) => type === 'dial').length).toBeLessThanOrEqual(2)
            expect(view.nextTickAtMs() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(method === 'tick' ? nowMs : 0)
          }
        },
      ),
      { seed: 5, numRuns: 400 },
    )
  })
})

function apply(view: MembershipView, method: string, of: string, detail: unknown, nowMs: number): MembershipEffect[] {
  switch (method) {
    case 'memberAdded':
      return view.memberAdded(of, detail as string[], nowMs)
    case 'addressesLearned':
      return view.addressesLearned(of, detail as string[], nowMs)
    case 'memberRemoved':
      return view.memberRemoved(of, nowMs)
    case 'memberLeft':
      return view.memberLeft(of, nowMs)
    case 'connected':
      return view.connected(of, nowMs)
    case 'disconnected':
      return view.disconnected(of, nowMs)
    case 'dialSucceeded':
      return view.dialSucceeded(of, nowMs)
    case 'dialFailed':
      return view.dialFailed(of, nowMs, detail as 'refused')
    default:
      return view.tick(nowMs)
  }
}
