import { BusyError, NotSentError } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../gateway/support/manual-clock.ts'
import { Bulkhead } from '../../src/unit/bulkhead.ts'
import { CallDesk } from '../../src/unit/call-desk.ts'
import type { Call } from '../../src/unit/call.ts'
import type { Connection } from '../../src/unit/connection.ts'

/** A bulkhead at the time of its clock. */
class Room {
  readonly #clock: ManualClock
  readonly #bulkhead: Bulkhead

  constructor(clock: ManualClock, inFlightMax: number, queueLengthMax: number) {
    this.#clock = clock
    this.#bulkhead = new Bulkhead({ name: 'arm', clock, inFlightMax, queueLengthMax })
  }

  /** Enters or waits; what happens is written down. */
  come(said: string[], name: string, caller: string, leftMs: number): () => void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#bulkhead.tryEnter(nowMs)) {
      said.push(`${name} in`)
      return () => {}
    }
    const onRefused = (): void => void said.push(`${name} refused`)
    return this.#bulkhead.wait({ caller, leftMs, onPlace: () => void said.push(`${name} in`), onRefused }, nowMs)
  }

  leave(workMs?: number): void {
    this.#bulkhead.leave(this.#clock.monotonicMs(), workMs)
  }

  limit(limits: Bulkhead['limits']): void {
    this.#bulkhead.limit(limits)
  }

  get limits(): Bulkhead['limits'] {
    return this.#bulkhead.limits
  }

  get occupancy(): Bulkhead['occupancy'] {
    return this.#bulkhead.occupancy
  }

  get inFlight(): number {
    return this.#bulkhead.inFlight
  }

  get queued(): number {
    return this.#bulkhead.queued
  }
}

function bulkheadOf(clock: ManualClock, inFlightMax = 2, queueLengthMax = 4): Room {
  return new Room(clock, inFlightMax, queueLengthMax)
}

function come(bulkhead: Room, said: string[], name: string, caller = name, leftMs = 10_000): () => void {
  return bulkhead.come(said, name, caller, leftMs)
}

describe('a bulkhead', () => {
  it('lets in as many as the grant says, and the next when one leaves', () => {
    const bulkhead = bulkheadOf(new ManualClock())
    const said: string[] = []
    for (const name of ['a', 'b', 'c']) come(bulkhead, said, name)
    expect(said).toEqual(['a in', 'b in'])
    bulkhead.leave()
    expect(said).toEqual(['a in', 'b in', 'c in'])
    expect(bulkhead.occupancy).toMatchObject({ inFlight: 2, queued: 0 })
  })

  it('follows a new grant: fewer places stop nobody, more places admit at once', () => {
    const bulkhead = bulkheadOf(new ManualClock(), 3)
    const said: string[] = []
    come(bulkhead, said, 'a')
    come(bulkhead, said, 'b')
    bulkhead.limit({ concurrency: 1, ratePerS: null })
    come(bulkhead, said, 'c')
    bulkhead.leave()
    expect(said).toEqual(['a in', 'b in'])
    expect(bulkhead.inFlight).toBe(1)
    bulkhead.limit({ concurrency: 2, ratePerS: null })
    expect(said).toEqual(['a in', 'b in', 'c in'])
    bulkhead.limit({ concurrency: 1_000, ratePerS: null })
    expect(bulkhead.limits.concurrency).toBe(3)
    bulkhead.limit({ concurrency: 0, ratePerS: null })
    expect(bulkhead.limits.concurrency).toBe(1)
  })

  it('serves callers in turn, however many requests one of them has waiting', () => {
    const bulkhead = bulkheadOf(new ManualClock(), 1)
    const said: string[] = []
    come(bulkhead, said, 'first')
    for (const name of ['greedy1', 'greedy2', 'greedy3']) come(bulkhead, said, name, 'greedy')
    come(bulkhead, said, 'modest')
    for (let left = 0; left < 4; left++) bulkhead.leave()
    expect(said).toEqual(['first in', 'greedy1 in', 'modest in', 'greedy2 in', 'greedy3 in'])
  })

  it('gives a place in a full queue to who waits for less, and refuses who waits for most', () => {
    const bulkhead = bulkheadOf(new ManualClock(), 1, 3)
    const said: string[] = []
    come(bulkhead, said, 'first')
    for (const name of ['greedy1', 'greedy2', 'greedy3']) come(bulkhead, said, name, 'greedy')
    come(bulkhead, said, 'modest')
    expect(said).toEqual(['first in', 'greedy3 refused'])
    expect(() => come(bulkhead, said, 'greedy4', 'greedy')).toThrow(BusyError)
    expect(bulkhead.queued).toBe(3)
  })

  it('refuses at once who would not be reached in time, by the time that work was measured to take', () => {
    const clock = new ManualClock()
    const bulkhead = bulkheadOf(clock, 1)
    const said: string[] = []
    come(bulkhead, said, 'a')
    clock.advance(100)
    bulkhead.leave(100)
    come(bulkhead, said, 'b')
    expect(() => come(bulkhead, said, 'hurried', 'hurried', 50)).toThrow(/begin with it in some 100 ms, and it has 50 ms left/)
    come(bulkhead, said, 'patient', 'patient', 150)
    expect(bulkhead.queued).toBe(1)
  })

  it('holds a rate over seconds and lets a burst of one second pass', () => {
    const clock = new ManualClock()
    const bulkhead = bulkheadOf(clock, 100, 100)
    bulkhead.limit({ concurrency: 100, ratePerS: 10 })
    const said: string[] = []
    for (let index = 0; index < 40; index++) come(bulkhead, said, `${index}`)
    expect(said).toHaveLength(10)
    for (let second = 1; second <= 3; second++) {
      for (let tenth = 0; tenth < 10; tenth++) clock.advance(100)
      expect(said).toHaveLength(10 + second * 10)
    }
  })

  it('forgets who gives up waiting', () => {
    const bulkhead = bulkheadOf(new ManualClock(), 1)
    const said: string[] = []
    come(bulkhead, said, 'a')
    const giveUp = come(bulkhead, said, 'b')
    come(bulkhead, said, 'c')
    giveUp()
    bulkhead.leave()
    expect(said).toEqual(['a in', 'c in'])
  })

  it('measures how long it was busy, how long requests worked, and how long they waited', () => {
    const clock = new ManualClock()
    const bulkhead = bulkheadOf(clock, 2)
    const said: string[] = []
    clock.advance(50)
    come(bulkhead, said, 'a')
    clock.advance(10)
    come(bulkhead, said, 'b')
    come(bulkhead, said, 'c')
    clock.advance(20)
    bulkhead.leave()
    clock.advance(5)
    bulkhead.leave()
    bulkhead.leave()
    clock.advance(70)
    expect(bulkhead.occupancy).toEqual({ busyMs: 35, workMs: 60, waitMs: 20, inFlight: 0, queued: 0 })
  })
})

function deskOf(clock: ManualClock, limit: number): { desk: CallDesk; sent: Call[] } {
  const sent: Call[] = []
  const send = (call: Call): void => {
    call.isWritten = true
    sent.push(call)
  }
  const serverInfo = { name: 's', version: '1' }
  const server = { era: 'legacy', protocolVersion: '2025-11-25', serverInfo, instructions: undefined, capabilities: {} } as const
  const connection: Connection = { server, closed: new Promise(() => {}), send, close: async () => {} }
  const desk = new CallDesk({ name: 'arm', clock, onSuspicion: () => {} })
  desk.use(connection)
  desk.limit({ concurrency: limit, ratePerS: null })
  return { desk, sent }
}

const answer = (call: Call | undefined): void =>
  call?.answer('legacy', { kind: 'answer', id: 1, resultJson: '{}', error: undefined, value: {} })

describe('a unit under a grant', () => {
  it('frees the place of a call that was cancelled, and tells a call that waits too long that it was not sent', async () => {
    const clock = new ManualClock()
    const { desk, sent } = deskOf(clock, 1)
    const cancel = new AbortController()
    const ask = (deadlineMs: number, signal?: AbortSignal): Promise<unknown> =>
      desk.request({ method: 'tools/call', paramsJson: '{}', deadlineMs, ...(signal && { signal }) }, () => '')
    const first = ask(10_000, cancel.signal).catch((error: unknown) => error)
    const late = ask(100).catch((error: unknown) => error)
    const third = ask(10_000)
    clock.advance(100)
    expect(await late).toBeInstanceOf(NotSentError)
    cancel.abort()
    await first
    expect(sent).toHaveLength(2)
    answer(sent[1])
    await third
    const counted = { answered: 1, cancelled: 1, turnedAway: 1, refused: 0, unanswered: 0, notSent: 0 }
    expect(desk.counters()).toMatchObject({ ...counted, inFlight: 0, queued: 0 })
  })

  it('keeps an account of each caller, and the latencies of the last so many', async () => {
    const clock = new ManualClock()
    const { desk, sent } = deskOf(clock, 4)
    for (const [caller, tookMs] of [
      ['x', 10],
      ['y', 30],
      ['x', 20],
    ] as const) {
      const asked = desk.request({ method: 'tools/call', paramsJson: '{}', deadlineMs: 1_000, caller }, () => '')
      clock.advance(tookMs)
      answer(sent.at(-1))
      await asked
    }
    expect(Object.fromEntries(desk.accounts)).toEqual({
      x: { answered: 2, refused: 0, latencyMs: 30 },
      y: { answered: 1, refused: 0, latencyMs: 30 },
    })
    expect(desk.latencies(2)).toEqual({ p50Ms: 20, p99Ms: 30, maxMs: 30 })
    expect(desk.latencies(0)).toBeUndefined()
  })
})
