import {
  BusyError,
  type IncomingCall,
  InvalidArgumentError,
  NotSentError,
  OutcomeUnknownError,
  RemoteError,
  TimeoutError,
  VsmcpError,
} from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import { FRAME_LENGTH_MAX, HEADER_LENGTH_MAX } from '../src/constants.ts'
import { bytes, next, pair, text } from './support/nodes.ts'

const DEADLINE = { deadlineMs: 5_000 }

class SampleError extends VsmcpError {
  readonly code = 'VSMCP_SAMPLE'
}

/** A handler that waits until it is told to answer, and shows the call it was given. */
function parked(): { handler: (call: IncomingCall) => Promise<Uint8Array>; call: Promise<IncomingCall>; answer: () => void } {
  const arrived = Promise.withResolvers<IncomingCall>()
  const release = Promise.withResolvers<void>()
  return {
    handler: async (call) => {
      arrived.resolve(call)
      await release.promise
      return bytes('done')
    },
    call: arrived.promise,
    answer: release.resolve,
  }
}

function aborted(signal: AbortSignal): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  if (signal.aborted) resolve(signal.reason)
  else signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  return promise
}

describe('a call', () => {
  test('is answered, and its handler knows who asks and how long it has', async () => {
    const [a, b] = await pair()
    b.rpc.handle('echo', async ({ payload, peer, deadlineMs }) => bytes(`${text(payload)} ${peer} ${deadlineMs}`))
    expect(text(await a.rpc.call(b.peerId, 'echo', bytes('hello'), DEADLINE))).toBe(`hello ${a.peerId} 5000`)
  })

  test('goes either way over one connection, on each plane apart', async () => {
    const [a, b] = await pair()
    for (const plane of ['control', 'state', 'rpc'] as const) {
      for (const mesh of [a, b]) mesh[plane].handle('where', async () => bytes(`${plane} of ${mesh === a ? 'a' : 'b'}`))
    }
    expect(text(await a.control.call(b.peerId, 'where', bytes(''), DEADLINE))).toBe('control of b')
    expect(text(await a.state.call(b.peerId, 'where', bytes(''), DEADLINE))).toBe('state of b')
    expect(text(await b.rpc.call(a.peerId, 'where', bytes(''), DEADLINE))).toBe('rpc of a')
  })

  test('carries what the handler threw: code, message and hint', async () => {
    const [a, b] = await pair()
    b.rpc.handle('fail', async () => {
      throw new SampleError('the sample broke', { hint: 'Take another.' })
    })
    b.rpc.handle('crash', () => {
      throw new TypeError('not even a promise')
    })
    // @ts-expect-error a handler that forgot its answer
    b.rpc.handle('forget', async () => undefined)
    const failed = await a.rpc.call(b.peerId, 'fail', bytes(''), DEADLINE).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(RemoteError)
    expect(failed).toMatchObject({ remoteCode: 'VSMCP_SAMPLE', message: 'the sample broke', hint: 'Take another.' })
    await expect(a.rpc.call(b.peerId, 'crash', bytes(''), DEADLINE)).rejects.toMatchObject({ remoteCode: 'VSMCP_INTERNAL' })
    await expect(a.rpc.call(b.peerId, 'forget', bytes(''), DEADLINE)).rejects.toMatchObject({ remoteCode: 'VSMCP_INTERNAL' })
  })

  test('to a peer that is not connected, or does not know the method, was surely not executed', async () => {
    const [a, b] = await pair()
    await expect(a.rpc.call('12D3KooWnobody', 'x', bytes(''), DEADLINE)).rejects.toThrow(NotSentError)
    await expect(a.rpc.call(b.peerId, 'x', bytes(''), DEADLINE)).rejects.toThrow(/does not know x/)
    await expect(a.rpc.call(b.peerId, 'x', bytes(''), DEADLINE)).rejects.toThrow(NotSentError)
    await expect(a.rpc.call(b.peerId, 'x', bytes(''), { deadlineMs: 0 })).rejects.toThrow(NotSentError)
    await expect(a.rpc.call(b.peerId, '', bytes(''), DEADLINE)).rejects.toThrow(InvalidArgumentError)
  })

  test('that is cancelled rejects at once and aborts the handler’s signal', async () => {
    const [a, b] = await pair()
    const { handler, call } = parked()
    b.rpc.handle('slow', handler)
    const controller = new AbortController()
    const outcome = a.rpc.call(b.peerId, 'slow', bytes(''), { ...DEADLINE, signal: controller.signal })
    const { signal } = await call
    controller.abort(new Error('enough'))
    await expect(outcome).rejects.toThrow(OutcomeUnknownError)
    expect(await aborted(signal)).toMatchObject({ message: 'the caller cancelled the call' })
  })

  test('cancelled before it was made is not sent', async () => {
    const [a, b] = await pair()
    const signal = AbortSignal.abort()
    await expect(a.rpc.call(b.peerId, 'x', bytes(''), { ...DEADLINE, signal })).rejects.toThrow(NotSentError)
  })

  test('past its deadline is given up at both ends', async () => {
    const [a, b] = await pair()
    const { handler, call } = parked()
    b.rpc.handle('slow', handler)
    b.rpc.handle('echo', async ({ payload }) => payload)
    // the stream stands, so that the deadline is not over before the call is there
    await a.rpc.call(b.peerId, 'echo', bytes(''), DEADLINE)
    const outcome = a.rpc.call(b.peerId, 'slow', bytes(''), { deadlineMs: 500 })
    outcome.catch(() => {})
    const { signal } = await call
    await expect(outcome).rejects.toThrow(TimeoutError)
    await aborted(signal)
  })

  test('whose answer comes after the deadline does no harm', async () => {
    const [a, b] = await pair()
    const { handler, answer, call } = parked()
    b.rpc.handle('slow', handler)
    b.rpc.handle('echo', async ({ payload }) => payload)
    // the stream stands, so that the deadline is not over before the call is there
    await a.rpc.call(b.peerId, 'echo', bytes(''), DEADLINE)
    const outcome = expect(a.rpc.call(b.peerId, 'slow', bytes(''), { deadlineMs: 500 })).rejects.toThrow(TimeoutError)
    await call
    await outcome
    answer()
    expect(text(await a.rpc.call(b.peerId, 'echo', bytes('still here'), DEADLINE))).toBe('still here')
  })

  test('under way when the connection is cut has an unknown outcome; the next one was not sent', async () => {
    const [a, b] = await pair()
    const { handler, call } = parked()
    b.rpc.handle('slow', handler)
    const outcome = a.rpc.call(b.peerId, 'slow', bytes(''), DEADLINE)
    outcome.catch(() => {})
    const { signal } = await call
    const down = next(b, 'peer:down')
    await a.hangUp(b.peerId)
    await expect(outcome).rejects.toThrow(OutcomeUnknownError)
    await aborted(signal)
    expect(await down).toEqual({ peer: a.peerId, reason: 'closed' })
    await expect(a.rpc.call(b.peerId, 'slow', bytes(''), DEADLINE)).rejects.toThrow(NotSentError)
  })

  test('over the bound of calls in flight is refused here, and what is in flight goes on', async () => {
    const [a, b] = await pair({ limits: { inFlightMax: 2 } })
    const { handler, answer } = parked()
    b.rpc.handle('slow', handler)
    const first = [1, 2].map(() => a.rpc.call(b.peerId, 'slow', bytes(''), DEADLINE))
    await expect(a.rpc.call(b.peerId, 'slow', bytes(''), DEADLINE)).rejects.toThrow(BusyError)
    answer()
    expect((await Promise.all(first)).map(text)).toEqual(['done', 'done'])
  })

  test('over the other side’s bound is refused there without being executed', async () => {
    const [a, b] = await pair({}, { limits: { inFlightMax: 2 } })
    const { handler, answer } = parked()
    let executed = 0
    b.rpc.handle('slow', async (call) => {
      executed += 1
      return handler(call)
    })
    const calls = [1, 2, 3].map(() => a.rpc.call(b.peerId, 'slow', bytes(''), DEADLINE))
    await expect(calls[2]).rejects.toThrow(BusyError)
    answer()
    await Promise.all(calls.slice(0, 2))
    expect(executed).toBe(2)
  })

  test('to a node that is stopping is refused without being executed', async () => {
    const [a, b] = await pair()
    const { handler, call } = parked()
    b.rpc.handle('slow', handler)
    const outcome = a.rpc.call(b.peerId, 'slow', bytes(''), DEADLINE)
    outcome.catch(() => {})
    await call
    const stopped = b.stop()
    await expect(a.rpc.call(b.peerId, 'slow', bytes(''), DEADLINE)).rejects.toThrow(NotSentError)
    await expect(outcome).rejects.toThrow(OutcomeUnknownError)
    await stopped
  })
})

describe('progress', () => {
  test('comes in order and before the answer, whatever the sizes', async () => {
    const [a, b] = await pair()
    const sizes = [10, 200_000, 5, 70_000, 1, 300_000, 2]
    b.rpc.handle('stream', async (call) => {
      for (const size of sizes) void call.progress(new Uint8Array(size))
      return bytes('end')
    })
    const seen: number[] = []
    const onProgress = (payload: Uint8Array): void => void seen.push(payload.byteLength)
    const answer = await a.rpc.call(b.peerId, 'stream', bytes(''), { ...DEADLINE, onProgress })
    expect(text(answer)).toBe('end')
    expect(seen).toEqual(sizes)
  })

  test('after the call is over goes nowhere and does not throw', async () => {
    const [a, b] = await pair()
    const { handler, call } = parked()
    b.rpc.handle('slow', handler)
    const controller = new AbortController()
    const outcome = a.rpc.call(b.peerId, 'slow', bytes(''), { ...DEADLINE, signal: controller.signal })
    const incoming = await call
    controller.abort()
    await outcome.catch(() => {})
    await aborted(incoming.signal)
    await incoming.progress(bytes('late'))
  })

  test('a listener that throws harms neither its call nor the connection', async () => {
    const [a, b] = await pair()
    b.rpc.handle('stream', async (call) => {
      await call.progress(bytes('one'))
      return bytes('end')
    })
    const onProgress = (): void => {
      throw new Error('listener broke')
    }
    expect(text(await a.rpc.call(b.peerId, 'stream', bytes(''), { ...DEADLINE, onProgress }))).toBe('end')
  })
})

describe('notices', () => {
  test('arrive in the order they were sent, large and small', async () => {
    const [a, b] = await pair()
    const sizes = [1, 300_000, 2, 70_000, 3]
    const seen: number[] = []
    const all = Promise.withResolvers<void>()
    b.state.onNotice('blob', (peer, payload) => {
      expect(peer).toBe(a.peerId)
      seen.push(payload.byteLength)
      if (seen.length === sizes.length) all.resolve()
    })
    for (const size of sizes) expect(a.state.notify(b.peerId, 'blob', new Uint8Array(size))).toBe(true)
    await all.promise
    expect(seen).toEqual(sizes)
  })

  test('to nobody are dropped and said so; one nobody handles does no harm', async () => {
    const [a, b] = await pair()
    expect(a.state.notify('12D3KooWnobody', 'x', bytes(''))).toBe(false)
    expect(a.rpc.notify(b.peerId, 'unheard-of', bytes(''))).toBe(true)
    b.rpc.handle('echo', async ({ payload }) => payload)
    expect(text(await a.rpc.call(b.peerId, 'echo', bytes('fine'), DEADLINE))).toBe('fine')
  })
})

describe('large payloads', () => {
  const LARGEST = FRAME_LENGTH_MAX - HEADER_LENGTH_MAX - 2

  test('of almost 16 MiB go there and back unharmed', async () => {
    const [a, b] = await pair()
    b.rpc.handle('echo', async ({ payload }) => payload)
    const payload = new Uint8Array(LARGEST)
    for (let i = 0; i < payload.byteLength; i += 4_093) payload[i] = i
    const answer = await a.rpc.call(b.peerId, 'echo', payload, { deadlineMs: 20_000 })
    expect(Buffer.compare(answer, payload)).toBe(0)
  })

  test('over the cap are refused at the side that would send them, and the connection stands', async () => {
    const [a, b] = await pair()
    b.rpc.handle('grow', async () => new Uint8Array(LARGEST + 1))
    const refused = await a.rpc.call(b.peerId, 'grow', new Uint8Array(LARGEST + 1), DEADLINE).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(NotSentError)
    expect(refused).toMatchObject({ hint: expect.stringContaining('Ask for less') as string })
    await expect(a.rpc.call(b.peerId, 'grow', bytes(''), DEADLINE)).rejects.toMatchObject({
      remoteCode: 'VSMCP_MESH_FRAME_TOO_LARGE',
    })
    expect(a.rpc.notify(b.peerId, 'x', new Uint8Array(LARGEST + 1))).toBe(false)
    expect(a.peers()).toHaveLength(1)
  })

  test('do not stand before small ones', async () => {
    const [a, b] = await pair()
    b.rpc.handle('size', async ({ payload }) => bytes(String(payload.byteLength)))
    const order: string[] = []
    const large = Array.from({ length: 3 }, () =>
      a.rpc.call(b.peerId, 'size', new Uint8Array(8 << 20), { deadlineMs: 20_000 }).then(() => order.push('large')),
    )
    await a.rpc.call(b.peerId, 'size', bytes('small'), DEADLINE).then(() => order.push('small'))
    await Promise.all(large)
    expect(order).toEqual(['small', 'large', 'large', 'large'])
  })
})

test('a thousand calls at once are all answered, each with its own answer', async () => {
  const [a, b] = await pair()
  b.rpc.handle('echo', async ({ payload }) => payload)
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => a.rpc.call(b.peerId, 'echo', bytes(String(i)), DEADLINE)),
  )
  expect(answers.map(text)).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)))
})

test('a method has one handler', async () => {
  const [a] = await pair()
  a.rpc.handle('x', async ({ payload }) => payload)
  expect(() => a.rpc.handle('x', async ({ payload }) => payload)).toThrow(InvalidArgumentError)
})
