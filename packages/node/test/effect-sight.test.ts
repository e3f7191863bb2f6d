import { type Clock, systemClock } from '@vsmcp/kernel'
import type { GossipMessage } from '@vsmcp/vsm'
import { describe, expect, it } from 'vitest'
import { REPORT_PERIOD_MS } from '../src/constants.ts'
import { EffectSight } from '../src/system5/governing/effect-sight.ts'

type Report = Pick<GossipMessage<'unit'>, 'node' | 'body'>

describe('what System 5 sees of effects', () => {
  it('is of now: a unit that is gone, or whose node is, is not counted for longer than four reports', async () => {
    let nowMs = 0
    let hear: (report: Report) => void = () => {}
    const sight = new EffectSight({
      self: 'self',
      signals: { on: (_topic: string, listener: never) => ((hear = listener), () => {}) },
      operations: { on: () => () => {} },
      catalog: { findTool: () => undefined },
      clock: { ...systemClock, monotonicMs: () => nowMs } satisfies Clock,
    })
    await sight.start()
    const report = (node: string, inFlight: number) =>
      hear({ node, body: { unit: 'press', calls: 9, errors: 0, inFlight, latencyP99Ms: 5 } } as Report)
    report('x', 7)
    report('y', 2)
    expect(sight.windows().map(({ inFlight }) => inFlight)).toEqual([7, 2])

    nowMs = 4 * REPORT_PERIOD_MS
    expect(sight.windows()).toHaveLength(2)
    report('y', 3)
    nowMs += 1
    expect(sight.windows().map(({ inFlight }) => inFlight)).toEqual([3])
    // What it was like last is still known to who asks about that unit there.
    expect(sight.windowOf('press', 'x')).toMatchObject({ inFlight: 7 })
  })
})
