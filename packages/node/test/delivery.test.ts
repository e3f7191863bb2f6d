import { BusyError, type Clock, InvalidArgumentError, NotSentError, OutcomeUnknownError, RemoteError } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import type { Target } from '../src/catalog/catalog.ts'
import { ShedError, UnitStoppedError, UnitUnreachableError } from '../src/errors.ts'
import { deliver, type Sent } from '../src/route/delivery.ts'

const NOT_SENT = new NotSentError('not sent')
const UNKNOWN = new OutcomeUnknownError('unknown')
const ANSWER = { era: 'legacy', resultJson: '{}' } as const

/** Delivers to `a`, `b` and `c` in turn, which fail as told. */
async function delivered(
  fates: readonly (Error | 'answer')[],
  {
    isRepeatable = false,
    deadlineMs = 1_000,
    takesMs = 0,
    onSend = (_request: Sent): void => {},
    signal = new AbortController().signal,
  } = {},
): Promise<{ asked: string[]; ended: string[]; deadlines: number[]; result: unknown }> {
  let nowMs = 0
  const [asked, ended, deadlines]: [string[], string[], number[]] = [[], [], []]
  const target: Target = { unit: 'u', node: 'a', name: 't', providers: ['a', 'b', 'c'], isRepeatable }
  const request: Sent = { method: 'tools/call', paramsJson: '{}', deadlineMs, signal, onNotification: () => {} }
  const result = await deliver(target, request, {
    routing: {
      choose: ({ providers }, tried) => providers.find((node) => !tried.has(node)),
      began: (_unit, node) => (outcome) => ended.push(`${node} ${outcome}`),
    },
    clock: { monotonicMs: () => nowMs } as Clock,
    send: async ({ node }, sent) => {
      const fate = fates[asked.length]
      asked.push(node)
      deadlines.push(sent.deadlineMs)
      onSend(sent)
      nowMs += takesMs
      if (fate instanceof Error) throw fate
      return ANSWER
    },
  }).catch((error: unknown) => error)
  return { asked, ended, deadlines, result }
}

describe('a call that a provider does not take', () => {
  it.each([
    ['not sent', NOT_SENT],
    ['too busy', new BusyError('busy')],
    ['without the unit', new UnitUnreachableError('gone')],
    ['serving only what is essential', new ShedError('shed')],
  ])('goes to another, whatever it does: %s', async (_what, fate) => {
    expect(await delivered([fate, fate, 'answer'])).toMatchObject({
      asked: ['a', 'b', 'c'],
      ended: ['a failed', 'b failed', 'c answered'],
      result: ANSWER,
    })
  })

  it('and is stopped there goes to no other: that is said of the unit, and not of one provider', async () => {
    const stopped = new UnitStoppedError('stopped')
    expect(await delivered([NOT_SENT, stopped, 'answer'], { isRepeatable: true })).toMatchObject({
      asked: ['a', 'b'],
      result: stopped,
    })
  })

  it('and that nobody takes was not sent', async () => {
    expect(await delivered([NOT_SENT, NOT_SENT, NOT_SENT])).toMatchObject({ asked: ['a', 'b', 'c'], result: NOT_SENT })
  })
})

describe('a call that was sent and not answered', () => {
  it('is made at most once, and its outcome is unknown', async () => {
    expect(await delivered([UNKNOWN])).toMatchObject({ asked: ['a'], result: UNKNOWN })
    expect(await delivered([new RemoteError('VSMCP_INTERNAL', 'x')])).toMatchObject({ asked: ['a'] })
  })

  it('is made again elsewhere when it does no harm', async () => {
    expect(await delivered([UNKNOWN, 'answer'], { isRepeatable: true })).toMatchObject({ asked: ['a', 'b'], result: ANSWER })
  })

  it('stays unknown, also when the others surely did nothing', async () => {
    expect(await delivered([UNKNOWN, NOT_SENT, NOT_SENT], { isRepeatable: true })).toMatchObject({
      asked: ['a', 'b', 'c'],
      result: UNKNOWN,
    })
  })

  it('is not made again after its deadline, nor with more time than is left', async () => {
    const options = { isRepeatable: true, takesMs: 600 }
    expect(await delivered([UNKNOWN, UNKNOWN, 'answer'], options)).toMatchObject({
      asked: ['a', 'b'],
      deadlines: [1_000, 400],
      result: UNKNOWN,
    })
  })

  it('is not made again when it was cancelled, and that is not held against the provider', async () => {
    const cancel = new AbortController()
    const result = await delivered([UNKNOWN], { isRepeatable: true, signal: cancel.signal, onSend: () => cancel.abort() })
    expect(result).toMatchObject({ asked: ['a'], ended: ['a cancelled'], result: UNKNOWN })
  })

  it('is not made again when it is wrong in itself', async () => {
    const wrong = new InvalidArgumentError('no object')
    expect(await delivered([wrong], { isRepeatable: true })).toMatchObject({ asked: ['a'], result: wrong })
  })

  it('and is made again shows its client no progress twice, nor what is none', async () => {
    const seen: number[] = []
    const target: Target = { unit: 'u', node: 'a', name: 't', providers: ['a', 'b'], isRepeatable: true }
    let attempts = 0
    await deliver(
      target,
      {
        method: 'tools/call',
        paramsJson: '{}',
        deadlineMs: 1_000,
        signal: new AbortController().signal,
        onNotification: (_method, json) => seen.push((JSON.parse(json) as { progress: number }).progress),
      },
      {
        routing: { choose: (_target, tried) => ['a', 'b'].find((node) => !tried.has(node)), began: () => () => {} },
        clock: { monotonicMs: () => 0 } as Clock,
        send: async (_at, { onNotification }) => {
          for (const progress of [1, 2, attempts === 0 ? 2 : 3])
            onNotification('notifications/progress', JSON.stringify({ progress }))
          onNotification('notifications/progress', 'garbage')
          if (attempts++ === 0) throw UNKNOWN
          return ANSWER
        },
      },
    )
    expect(seen).toEqual([1, 2, 3])
  })
})
