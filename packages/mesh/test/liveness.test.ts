import { type Clock, OutcomeUnknownError, systemClock } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { DialError } from '../src/index.ts'
import { childMesh } from './support/child.ts'
import { bytes, next, pair, startMesh, text } from './support/nodes.ts'
import { newKey } from './support/raw.ts'

test('a peer killed with SIGKILL is down as soon as its socket is, and calls to it have an unknown outcome', async () => {
  const a = await startMesh({ name: 'a' })
  const child = await childMesh(await newKey(), 'child')
  await a.dial(child.addresses)
  expect(text(await a.rpc.call(child.peerId, 'echo', bytes('alive'), { deadlineMs: 2_000 }))).toBe('alive')
  child.stand()
  const outcome = a.rpc.call(child.peerId, 'echo', bytes('into the dark'), { deadlineMs: 20_000 })
  outcome.catch(() => {})
  // the frame leaves with the end of the turn
  await new Promise((resolve) => setImmediate(resolve))
  const down = next(a, 'peer:down')
  const killedAt = performance.now()
  child.kill()
  expect(await down).toEqual({ peer: child.peerId, reason: 'lost' })
  // 20 ms is what an idle machine is held to; the rest is for a busy one
  expect(performance.now() - killedAt).toBeLessThan(500)
  await expect(outcome).rejects.toThrow(OutcomeUnknownError)
})

test('a peer that falls silent without closing anything is down within the limit', async () => {
  const a = await startMesh({ name: 'a', limits: { silenceMs: 600 } })
  const child = await childMesh(await newKey(), 'child')
  await a.dial(child.addresses)
  const down = next(a, 'peer:down')
  const stoodAt = performance.now()
  child.stand()
  expect(await down).toEqual({ peer: child.peerId, reason: 'silent' })
  expect(performance.now() - stoodAt).toBeGreaterThan(400)
})

test('an idle connection lives on, and its round trip is measured', async () => {
  const silenceMs = 200
  const rounds = Promise.withResolvers<void>()
  let count = 0
  const clock: Clock = {
    ...systemClock,
    every: (periodMs, fn) =>
      systemClock.every(periodMs, () => {
        fn()
        // twelve rounds of the keepalive are three times the silence it allows
        if (periodMs === silenceMs / 4 && ++count === 12) rounds.resolve()
      }),
  }
  const [a, b] = await pair({ limits: { silenceMs }, components: { clock } }, { limits: { silenceMs } })
  const downs: string[] = []
  for (const mesh of [a, b]) mesh.on('peer:down', ({ reason }) => downs.push(reason))
  await rounds.promise
  expect(downs).toEqual([])
  expect(a.peers()[0]?.rttMs).toBeGreaterThan(0)
})

test('a peer that is gone cannot be dialled, and is reached again when it is back', async () => {
  const a = await startMesh({ name: 'a' })
  const b = await startMesh({ name: 'b' })
  const addresses = b.listenAddresses()
  await a.dial(addresses)
  const down = next(a, 'peer:down')
  await b.stop()
  await down
  await expect(a.dial(addresses)).rejects.toThrow(DialError)
  const again = await startMesh({ name: 'b again', listen: addresses.map((address) => address.replace(/\/p2p\/.*/, '')) })
  expect(await a.dial(again.listenAddresses())).toMatchObject({ info: { name: 'b again' } })
})
