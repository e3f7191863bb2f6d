import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { telemetry, type UnitOperation } from '../src/index.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

/** `name: Interface` of each event, and the fields of each interface, as the source has them. */
function declared(): Map<string, string[]> {
  const source = read('../src/telemetry.ts')
  const fields = new Map(
    [...source.matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name = '', body = '']) => [
      name,
      [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field),
    ]),
  )
  return new Map(
    [...source.matchAll(/^ {2}'(vsmcp:[a-z0-9:_]+)': (\w+)$/gm)].map(([, event = '', type = '']) => [
      event,
      fields.get(type) ?? [],
    ]),
  )
}

const operation: UnitOperation = {
  unit: 'files',
  method: 'tools/call',
  durationMs: 1,
  outcome: 'answered',
  inFlight: 1,
  queued: 0,
}

describe('telemetry', () => {
  it('hands an event to whoever subscribes to its name, until they end it', () => {
    const channel = telemetry('vsmcp:system1:operation')
    const heard: UnitOperation[] = []
    const off = telemetry('vsmcp:system1:operation').subscribe((event) => heard.push(event))
    onTestFinished(off)
    channel.publish(operation)
    telemetry('vsmcp:variety:calculation')
    off()
    channel.publish(operation)
    expect(heard).toEqual([operation])
  })

  it('knows whether anybody listens, so that nothing is built for nobody', () => {
    const channel = telemetry('vsmcp:decision:latency')
    expect(channel.hasSubscribers).toBe(false)
    const off = channel.subscribe(() => {})
    onTestFinished(off)
    expect(channel.hasSubscribers).toBe(true)
    off()
    expect(channel.hasSubscribers).toBe(false)
  })

  it('has every event and every field in docs/telemetry.md, and no other', () => {
    const rows = [...read('../../../docs/telemetry.md').matchAll(/^\| `(vsmcp:[^`]+)` \|[^|]+\| (.+) \|$/gm)]
    const documented = rows.map(([, event = '', fields = '']) => [
      event,
      [...fields.matchAll(/`(\w+)`/g)].map(([, field]) => field),
    ])
    const events = [...declared()].sort(([a], [b]) => (a < b ? -1 : 1))
    expect(events.every(([, fields]) => fields.length > 0)).toBe(true)
    expect(documented).toEqual(events)
  })
})
