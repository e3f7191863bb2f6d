import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventReader } from '../../src/unit/event-reader.ts'
import { LineReader } from '../../src/unit/line-reader.ts'

/** Cuts bytes at the given places, whatever they split. */
function chunks(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((to, i) => bytes.subarray(places[i], to))
}

const cutting = fc.array(fc.nat(10_000), { maxLength: 12 })

function readLines(parts: readonly Buffer[], lineBytesMax?: number): { lines: string[]; oversized: [string, string][] } {
  const lines: string[] = []
  const oversized: [string, string][] = []
  const onOversized = (start: string, end: string): void => void oversized.push([start, end])
  const reader = new LineReader({
    onLine: (line) => lines.push(line),
    onOversized,
    ...(lineBytesMax !== undefined && { lineBytesMax }),
  })
  for (const part of parts) reader.push(part)
  reader.end()
  return { lines, oversized }
}

describe('LineReader', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll('\n', ''))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), cutting, fc.boolean(), (all, cuts, endsWithBreak) => {
        const bytes = Buffer.from(all.join('\n') + (endsWithBreak ? '\n' : ''))
        expect(readLines(chunks(bytes, cuts)).lines).toEqual(all.filter((text) => text.trim() !== ''))
      }),
    )
  })

  it('keeps only the ends of a line over the bound, and goes on with the next', () => {
    fc.assert(
      fc.property(cutting, fc.integer({ min: 1_001, max: 5_000 }), (cuts, length) => {
        const long = `<start>${'x'.repeat(length)}<end>`
        const { lines, oversized } = readLines(chunks(Buffer.from(`before\n${long}\nafter\n`), cuts), 1_000)
        expect(lines).toEqual(['before', 'after'])
        expect(oversized).toHaveLength(1)
        expect(oversized[0]?.[0].startsWith('<start>')).toBe(true)
        expect(oversized[0]?.[1].endsWith('<end>')).toBe(true)
        expect(oversized[0]?.[0].length).toBeLessThanOrEqual(256)
      }),
    )
  })

  it('passes a line that is exactly at the bound', () => {
    expect(readLines([Buffer.from(`${'x'.repeat(1_000)}\n`)], 1_000).lines).toHaveLength(1)
    expect(readLines([Buffer.from(`${'x'.repeat(1_001)}\n`)], 1_000).lines).toHaveLength(0)
  })
})

describe('EventReader', () => {
  function readEvents(parts: readonly Buffer[]) {
    const events: string[] = []
    let oversized = 0
    const reader = new EventReader({ onEvent: (data) => events.push(data), onOversized: () => oversized++ })
    for (const part of parts) reader.push(part)
    return { events, reader, oversized: () => oversized }
  }

  it('gives the same events however the bytes are cut and whatever lines end with', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((data) => `x${data.replaceAll(/[\r\n]/g, '')}`)
    fc.assert(
      fc.property(fc.array(text, { maxLength: 10 }), cutting, fc.constantFrom('\n', '\r\n'), (all, cuts, end) => {
        const stream = all.map((data) => `: comment${end}event: message${end}data: ${data}${end}${end}`).join('')
        expect(readEvents(chunks(Buffer.from(stream), cuts)).events).toEqual(all)
      }),
    )
  })

  it('joins several lines of data, and reads ids and the time to wait', () => {
    const { events, reader } = readEvents([
      Buffer.from('id: 7\nretry: 250\ndata: {"a":\ndata:1}\n\nid\n\nid: 8\ndata\n\nretry: soon\ndata: cut'),
    ])
    expect(events).toEqual(['{"a":\n1}', ''])
    expect([reader.lastEventId, reader.retryMs]).toEqual(['8', 250])
  })

  it('drops an event over the bound, in one line or in many', () => {
    const megabyte = 'x'.repeat(1024 * 1024)
    const many = Array.from({ length: 17 }, () => Buffer.from(`data: ${megabyte}\n`))
    const one = [Buffer.from('data: '), ...Array.from({ length: 17 }, () => Buffer.from(megabyte)), Buffer.from('\n')]
    for (const big of [many, one]) {
      const { events, oversized } = readEvents([...big, Buffer.from('\ndata: next\n\n')])
      expect(oversized()).toBe(1)
      expect(events).toEqual(['next'])
    }
  })
})
