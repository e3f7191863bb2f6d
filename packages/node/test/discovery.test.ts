import { type Clock, Emitter, seededRandom, silentLogger, type Timer } from '@vsmcp/kernel'
import { DialError, type MeshEvents, type PeerInfo } from '@vsmcp/mesh'
import { expect, test } from 'vitest'
import { BOOTSTRAP_LOOK_MS, FOUND_DIALS_MAX, FOUND_HOLD_MS } from '../src/constants.ts'
import { Discovery } from '../src/members/discovery.ts'

/** Time that passes when a test says so. */
function handClock() {
  let nowMs = 0
  const due: { atMs: number; fn: () => void }[] = []
  const after = (delayMs: number, fn: () => void): Timer => {
    const entry = { atMs: nowMs + delayMs, fn }
    due.push(entry)
    return { cancel: () => void due.splice(due.indexOf(entry), due.includes(entry) ? 1 : 0) }
  }
  const clock: Clock = { wallMs: () => nowMs, monotonicMs: () => nowMs, after, every: () => ({ cancel() {} }) }
  return {
    clock,
    pass: async (ms: number): Promise<void> => {
      nowMs += ms
      for (const entry of due.filter(({ atMs }) => atMs <= nowMs)) {
        due.splice(due.indexOf(entry), 1)
        entry.fn()
      }
      await settled()
    },
  }
}

/** All that was resolved has been heard of. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** A mesh of which only the dials count. */
function scene(bootstrap: readonly string[], reach: (address: string) => string | undefined) {
  const { clock, pass } = handClock()
  const events = new Emitter<MeshEvents>(() => {})
  const dials: string[] = []
  const up = new Set<string>()
  const mesh = {
    peerId: 'self',
    peers: () => [...up].map((peer) => ({ peer }) as PeerInfo),
    on: events.on.bind(events) as never,
    async dial(addresses: readonly string[]) {
      dials.push(...addresses)
      const peer = addresses.map(reach).find((each) => each !== undefined)
      if (peer === undefined) throw new DialError('no', [])
      up.add(peer)
      return { peer } as PeerInfo
    },
  }
  const discovery = new Discovery(bootstrap, { mesh, clock, random: seededRandom(1), logger: silentLogger })
  return { discovery, dials, up, pass, found: (peer: string) => events.emit('peer:found', { peer, addresses: [`at-${peer}`] }) }
}

test('a bootstrap address is tried until it leads to a member, and again when that one is gone', async () => {
  let isThere = false
  const { discovery, dials, up, pass } = scene(['x'], () => (isThere ? 'peer' : undefined))
  await discovery.start()
  await settled()
  expect(dials).toEqual(['x'])
  await pass(1_000)
  expect(dials).toEqual(['x', 'x'])
  isThere = true
  await pass(BOOTSTRAP_LOOK_MS)
  expect(dials).toHaveLength(3)
  await pass(BOOTSTRAP_LOOK_MS)
  expect(dials, 'it is connected').toHaveLength(3)
  up.clear()
  await pass(BOOTSTRAP_LOOK_MS)
  expect(dials).toHaveLength(4)
  await discovery.stop()
  up.clear()
  await pass(BOOTSTRAP_LOOK_MS)
  expect(dials, 'it is stopped').toHaveLength(4)
})

test('what is found is dialled once, and once more only after a while; who is connected is not', async () => {
  const { discovery, dials, up, pass, found } = scene([], () => undefined)
  await discovery.start()
  for (let n = 0; n < 5; n++) found('a')
  await settled()
  found('a')
  expect(dials).toEqual(['at-a'])
  await pass(FOUND_HOLD_MS)
  found('a')
  expect(dials).toEqual(['at-a', 'at-a'])
  up.add('b')
  found('b')
  found('self')
  expect(dials).toHaveLength(2)
})

test('a thousand made-up peers are a few dials at a time', async () => {
  const { discovery, dials, found } = scene([], () => undefined)
  await discovery.start()
  for (let n = 0; n < 1_000; n++) found(`made-up-${n}`)
  expect(dials).toHaveLength(FOUND_DIALS_MAX)
})
