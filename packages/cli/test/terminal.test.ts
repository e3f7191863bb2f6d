import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { formatAgo, formatBytes, formatDuration, formatLatency } from '../src/terminal/format.ts'
import { printable } from '../src/terminal/printable.ts'
import { renderTable } from '../src/terminal/table.ts'
import { Terminal } from '../src/terminal/terminal.ts'
import { cutTo, displayWidth } from '../src/terminal/width.ts'

describe('a table', () => {
  it('is aligned by what a terminal draws, and has no blanks at the ends of lines', () => {
    const table = renderTable(
      ['A', 'B'],
      [
        ['日本', 'x'],
        ['\u001b[31mred\u001b[39m', ''],
        ['a', '👍'],
      ],
    )
    expect(table).toBe('A     B\n日本  x\n\u001b[31mred\u001b[39m\na     👍')
  })

  it('cuts its last column where told to', () => {
    expect(renderTable(['A', 'B'], [['a', 'x'.repeat(50)]], { width: 23 })).toBe(`A  B\na  ${'x'.repeat(19)}…`)
  })
})

it('widths count graphemes', () => {
  expect(['abc', 'é', 'e\u0301', '漢字', '👨‍👩‍👧', '\u001b[1mb\u001b[0m'].map(displayWidth)).toEqual([3, 1, 1, 4, 2, 1])
  expect(cutTo('漢字漢字', 5)).toBe('漢字…')
})

it('text of others cannot command the terminal', () => {
  expect(printable('a\u001b]0;title\u0007b\u202ec\r\nd\te')).toBe('a\ufffd]0;title\ufffdb\ufffdc\nd\te')
})

it('figures read easily', () => {
  expect([950, 30_000, 120_000, 86_400_000, 200_000_000].map(formatDuration)).toEqual(['950 ms', '30 s', '2 min', '24 h', '2 d'])
  expect([null, 0.123, 12.3, 1_500].map(formatLatency)).toEqual(['-', '0.12 ms', '12 ms', '1.5 s'])
  expect([5, 1_500, 123_456_789].map(formatBytes)).toEqual(['5 B', '1.5 KiB', '118 MiB'])
  expect(formatAgo('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:01:00Z'))).toBe('60 s ago')
  expect(formatAgo('2026-01-01T01:00:00Z', Date.parse('2026-01-01T00:00:00Z'))).toBe('in 60 min')
})

describe('progress', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const stage = (options: { json?: boolean; isTTY?: boolean }): { terminal: Terminal; said: () => string } => {
    const stderr = new PassThrough()
    const terminal = new Terminal({
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: Object.assign(stderr, options.isTTY === true ? { isTTY: true } : {}),
      env: {},
      json: options.json === true,
    })
    return { terminal, said: () => String(stderr.read() ?? '') }
  }

  it('says nothing of what is quick', async () => {
    const { terminal, said } = stage({ isTTY: true })
    const work = Promise.withResolvers<string>()
    const during = terminal.during('starting', work.promise)
    await vi.advanceTimersByTimeAsync(900)
    work.resolve('done')
    expect(await during).toBe('done')
    expect(said()).toBe('')
  })

  it('shows a person what takes over a second and for how long, and takes it away again', async () => {
    const { terminal, said } = stage({ isTTY: true })
    const work = Promise.withResolvers<void>()
    let step = 'one'
    const during = terminal.during('starting', work.promise, () => step)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(said()).toBe('\rstarting … 1 s  one')
    step = ''
    await vi.advanceTimersByTimeAsync(1_000)
    expect(said()).toBe('\rstarting … 2 s     ')
    work.resolve()
    await during
    expect(said()).toBe(`\r${' '.repeat(14)}\r`)
  })

  it('is one line where stderr is no terminal, and nothing for programs', async () => {
    const pipe = stage({})
    const program = stage({ json: true })
    const work = Promise.withResolvers<void>()
    const both = [pipe, program].map(({ terminal }) => terminal.during('starting', work.promise))
    await vi.advanceTimersByTimeAsync(5_000)
    work.resolve()
    await Promise.all(both)
    expect([pipe.said(), program.said()]).toEqual(['starting …\n', ''])
  })
})
