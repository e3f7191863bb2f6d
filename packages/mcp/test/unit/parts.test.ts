import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalDefinitions, type UnitLogLine } from '@vsmcp/mcp'
import { ManualClock } from '../gateway/support/manual-clock.ts'
import { findCommand, serverEnvironment } from '../../src/unit/command.ts'
import { encodeMirrored } from '../../src/unit/http-headers.ts'
import { LatencyWindow } from '../../src/unit/latency-window.ts'
import { LogPipe } from '../../src/unit/log-pipe.ts'
import { parseParams, wireParams } from '../../src/unit/params.ts'
import { resolveSecrets } from '../../src/unit/secrets.ts'
import { rejection, temporaryDirectory } from './support/unit-fixture.ts'

describe('params on their way to a server', () => {
  const envelope = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }

  it('keep their meaning, but for the protocol members of _meta, and become one line', () => {
    const args = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 })
    fc.assert(
      fc.property(args, args, fc.constantFrom(undefined, 2), fc.boolean(), (params, meta, indent, isModern) => {
        const { progressToken: _, ...kept } = meta
        const given = { ...params, _meta: meta }
        const text = wireParams(
          parseParams(JSON.stringify(given, null, indent)),
          isModern ? 'modern' : 'legacy',
          isModern ? envelope : {},
          5,
        )
        expect(text).not.toMatch(/[\r\n]/)
        const expected = { ...params, _meta: { ...kept, ...(isModern ? envelope : {}), progressToken: 5 } }
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(expected)))
      }),
    )
  })

  it('are not touched where a legacy server needs nothing of us', () => {
    const text = '{ "name":"x", "arguments": {"n":1.0, "big":12345678901234567890} }'
    expect(wireParams(parseParams(text), 'legacy', {}, undefined)).toBe(text)
  })

  it('lose a _meta that is no object or becomes empty', () => {
    expect(wireParams(parseParams('{"a":1,"_meta":7}'), 'legacy', {}, undefined)).toBe('{"a":1}')
    expect(wireParams(parseParams('{"_meta":{"progressToken":1},"a":1}'), 'legacy', {}, undefined)).toBe('{"a":1}')
  })
})

describe('secrets', () => {
  it('come from the environment and from files, a last line break left out; other values stay', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'key'), 'from file\n')
    const sources = { environment: (name: string) => (name === 'SET' ? 'from environment' : undefined), directory }
    const values = { a: 'env:SET', b: 'file:key', c: `file:${directory}/key`, d: 'plain', e: 'https://x', f: '' }
    expect(await resolveSecrets(values, sources)).toEqual({
      a: 'from environment',
      b: 'from file',
      c: 'from file',
      d: 'plain',
      e: 'https://x',
      f: '',
    })
  })

  it.each([
    { value: 'env:UNSET', says: 'KEY is to be the environment variable UNSET, which the node does not have' },
    { value: 'file:missing', says: 'KEY is to be the content of missing, which cannot be read: ENOENT' },
    { value: 'file:large', says: 'it is larger than 65536 bytes' },
  ])('that are missing are named: $value', async ({ value, says }) => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'large'), 'x'.repeat(65_537))
    const error = await rejection(resolveSecrets({ KEY: value }, { environment: () => undefined, directory }))
    expect(error).toMatchObject({ code: 'VSMCP_UNIT_SECRET_MISSING' })
    expect(error.message).toContain(says)
  })
})

describe('the command of a server', () => {
  it('is found as a shell would find it: by path, relative to its directory, or on its PATH', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'bin'))
    const program = join(directory, 'bin', 'server')
    writeFileSync(program, '#!/bin/sh\n')
    chmodSync(program, 0o755)
    writeFileSync(join(directory, 'plain-file'), '')
    for (const command of [program, './bin/server', 'bin/server', 'server']) {
      expect(await findCommand('unit', command, directory, `/nowhere:${directory}/bin`)).toBe(program)
    }
    expect(await findCommand('unit', 'server', directory, 'bin')).toBe(program)
    for (const command of ['./plain-file', './bin', 'nothing']) {
      expect(await rejection(findCommand('unit', command, directory, '/usr/bin'))).toMatchObject({ code: 'VSMCP_UNIT_START' })
    }
  })

  it('inherits what programs need and nothing else of the node', () => {
    const node: Record<string, string> = {
      PATH: '/bin',
      HOME: '/root',
      VSMCP_JOIN_TOKEN: 'secret',
      AWS_SECRET_ACCESS_KEY: 'secret',
    }
    expect(serverEnvironment((name) => node[name], { HOME: '/else', KEY: 'v' })).toEqual({
      PATH: '/bin',
      HOME: '/else',
      KEY: 'v',
    })
  })
})

describe('what a server writes', () => {
  function pipe(clock = new ManualClock()) {
    const lines: UnitLogLine[] = []
    return { log: new LogPipe(clock, (line) => lines.push(line)), lines, clock }
  }

  it('is cut, and loses what could play with a terminal', () => {
    const { log, lines } = pipe()
    log.write('stderr', 'info', '\u001b[31mred\u001b[0m\u0007 and\ttab')
    log.write('stderr', 'info', 'x'.repeat(5_000))
    expect(lines[0]?.text).toBe('red and\ttab')
    expect(lines[1]?.text).toBe(`${'x'.repeat(2_000)}… (5000 characters)`)
  })

  it('is passed on at most 200 lines a second, and the rest is counted', () => {
    const { log, lines, clock } = pipe()
    for (let i = 0; i < 1_000; i++) log.write('stderr', 'info', `line ${i}`)
    expect(lines).toHaveLength(200)
    clock.advance(1_000)
    log.write('stderr', 'info', 'later')
    expect(lines.slice(200).map(({ text }) => text)).toEqual(['800 more lines within a second were left out', 'later'])
  })

  it('is kept to the last 200 lines of stderr', () => {
    const { log } = pipe()
    for (let i = 0; i < 1_000; i++) log.write('stderr', 'info', `line ${i}`)
    log.write('stdout', 'warning', 'not stderr')
    expect(log.tail()).toHaveLength(200)
    expect(log.tail().at(-1)).toBe('line 999')
  })
})

describe('percentiles', () => {
  it('are those of the last 1,024 measurements, by nearest rank', () => {
    const window = new LatencyWindow()
    expect(window.percentiles([0.5])).toEqual([null])
    for (let i = 0; i < 5_000; i++) window.record(1_000)
    for (let i = 1; i <= 1_024; i++) window.record(i)
    expect(window.percentiles([0, 0.5, 0.99, 1])).toEqual([1, 512, 1_014, 1_024])
  })
})

describe('canonical definitions', () => {
  it('are the same text for the same offer, in whatever order it is listed and written', () => {
    const one = { name: 'a', inputSchema: { type: 'object', properties: { x: {}, y: {} } } }
    const same = { inputSchema: { properties: { y: {}, x: {} }, type: 'object' }, name: 'a' }
    const two = { name: 'b', inputSchema: {} }
    const rest = { resources: [], resourceTemplates: [], prompts: [] }
    const text = canonicalDefinitions({ tools: [one, two], ...rest })
    expect(canonicalDefinitions({ tools: [two, same], ...rest })).toBe(text)
    expect(canonicalDefinitions({ tools: [one, { ...two, description: 'other' }], ...rest })).not.toBe(text)
  })
})

describe('values mirrored in headers', () => {
  it('go as they are where a header can carry them, else encoded', () => {
    expect(['eu-west', 'a b', ''].map(encodeMirrored)).toEqual(['eu-west', 'a b', '=?base64??='])
    expect(encodeMirrored('Zürich')).toBe('=?base64?WsO8cmljaA==?=')
    expect(encodeMirrored(' padded')).toBe('=?base64?IHBhZGRlZA==?=')
    expect(encodeMirrored('=?base64?x?=')).toBe('=?base64?PT9iYXNlNjQ/eD89?=')
  })
})
