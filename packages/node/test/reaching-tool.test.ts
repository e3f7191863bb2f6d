import { type Clock, NotSentError, OutcomeUnknownError, seededRandom, systemClock, type Timer } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { TOOL_AWAITED_MS } from '../src/constants.ts'
import { TargetUnknownError, UnitStoppedError, UnitUnreachableError } from '../src/errors.ts'
import { reachingTool } from '../src/system2/reaching-tool.ts'

/** Time passes when somebody waits. */
function hasty(): { clock: Clock; nowMs: () => number } {
  let nowMs = 0
  const after = (delayMs: number, fn: () => void): Timer => {
    const timer = setImmediate(() => {
      nowMs += delayMs
      fn()
    })
    return { cancel: () => clearImmediate(timer) }
  }
  return { clock: { ...systemClock, monotonicMs: () => nowMs, after }, nowMs: () => nowMs }
}

function ask(failures: readonly Error[], { signal = new AbortController().signal, timeoutMs = 600_000 } = {}) {
  const { clock, nowMs } = hasty()
  let calls = 0
  const call = async (): Promise<string> => {
    const failure = failures[Math.min(calls++, failures.length - 1)]
    if (failure !== undefined && calls <= failures.length) throw failure
    return 'done'
  }
  const answer = reachingTool(call, { clock, random: seededRandom(1), timeoutMs, signal })
  return { answer, calls: () => calls, nowMs }
}

describe('a scheduled run whose tool is not there yet', () => {
  it('is tried until the call is sent', async () => {
    const { answer, calls } = ask([
      new TargetUnknownError('no such tool is known'),
      new UnitUnreachableError('it is not ready'),
      new NotSentError('its node cannot be asked'),
    ])
    expect(await answer).toBe('done')
    expect(calls()).toBe(4)
  })

  it('is not tried again once it may have been done, or was refused for good', async () => {
    for (const error of [new OutcomeUnknownError('no answer'), new UnitStoppedError('stopped'), new Error('refused')]) {
      const { answer, calls } = ask([error])
      await expect(answer).rejects.toBe(error)
      expect(calls()).toBe(1)
    }
  })

  it('fails as it did last when the tool does not come, and when the node ends', async () => {
    const never = Array.from({ length: 1_000 }, (_, at) => new TargetUnknownError(`try ${at}`))
    const { answer, calls, nowMs } = ask(never)
    await expect(answer).rejects.toThrow(/^try \d+$/)
    expect(calls()).toBeGreaterThan(10)
    expect(nowMs()).toBeGreaterThan(TOOL_AWAITED_MS - 2_000)
    expect(nowMs()).toBeLessThanOrEqual(TOOL_AWAITED_MS)

    const short = ask(never, { timeoutMs: 3_000 })
    await expect(short.answer).rejects.toThrow(/^try \d+$/)
    expect(short.nowMs()).toBeLessThanOrEqual(3_000)

    const ended = new AbortController()
    const cut = ask(never, { signal: ended.signal })
    ended.abort()
    await expect(cut.answer).rejects.toThrow('try 0')
    expect(cut.calls()).toBe(1)
  })
})
