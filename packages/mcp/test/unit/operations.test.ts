import { telemetry, type UnitOperation } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ManualClock } from '../gateway/support/manual-clock.ts'
import { CallDesk } from '../../src/unit/call-desk.ts'
import type { Call } from '../../src/unit/call.ts'
import type { Connection } from '../../src/unit/connection.ts'

function connected(clock: ManualClock): { desk: CallDesk; sent: Call[] } {
  const sent: Call[] = []
  const connection: Connection = {
    server: {
      era: 'legacy',
      protocolVersion: '2025-11-25',
      serverInfo: { name: 's', version: '1' },
      instructions: undefined,
      capabilities: {},
    },
    closed: new Promise(() => {}),
    send: (call) => {
      call.isWritten = true
      sent.push(call)
    },
    close: async () => {},
  }
  const desk = new CallDesk({ name: 'files', clock, onSuspicion: () => {} })
  desk.use(connection)
  return { desk, sent }
}

describe('vsmcp:system1:operation', () => {
  it('tells of each call how it ended, how long it took, and how busy the unit was', async () => {
    const heard: UnitOperation[] = []
    onTestFinished(telemetry('vsmcp:system1:operation').subscribe((event) => heard.push(event)))
    const clock = new ManualClock()
    const { desk, sent } = connected(clock)
    const ask = (deadlineMs: number, signal?: AbortSignal): Promise<unknown> =>
      desk
        .request({ method: 'tools/call', paramsJson: '{}', deadlineMs, ...(signal && { signal }) }, () => 'it is gone')
        .catch(() => {})
    const answered = ask(1_000)
    const late = ask(50)
    clock.advance(20)
    sent[0]?.answer('legacy', { kind: 'answer', id: 1, resultJson: '{}', error: undefined, value: {} })
    clock.advance(30)
    await Promise.all([answered, late, ask(1_000, AbortSignal.abort())])
    desk.use(undefined)
    await ask(1_000)
    const of = (outcome: UnitOperation['outcome'], durationMs: number, inFlight: number): UnitOperation => ({
      unit: 'files',
      method: 'tools/call',
      durationMs,
      outcome,
      inFlight,
      queued: 0,
    })
    expect(heard).toEqual([of('answered', 20, 2), of('deadline', 50, 1), of('not-sent', 0, 0), of('not-sent', 0, 0)])
  })
})
