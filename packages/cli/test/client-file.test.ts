import { homedir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { parseClientFile } from '../src/units/client-file.ts'
import { withoutComments } from '../src/units/jsonc.ts'
import { toUnitName } from '../src/units/unit-name.ts'

const context = { cwd: '/work', env: { SET: 'value' } }
const parse = (content: unknown): ReturnType<typeof parseClientFile> =>
  parseClientFile(typeof content === 'string' ? content : JSON.stringify(content), '/c.json', context)

describe("an MCP client's file", () => {
  it.each([
    ['mcpServers, as Claude and Cursor keep it', { mcpServers: { a: { command: 'x' } } }],
    ['servers, as VS Code keeps it', { inputs: [], servers: { a: { type: 'stdio', command: 'x' } } }],
    ["mcp.servers, as in VS Code's settings", { 'editor.tabSize': 2, mcp: { servers: { a: { command: 'x' } } } }],
  ])('may hold %s', (_, content) => {
    expect(parse(content).units).toMatchObject([{ name: 'a', unit: { command: 'x' } }])
  })

  it('may have comments, tabs and trailing commas', () => {
    const content =
      '{\n\t// mine\n\t"mcpServers": {\n\t\t/* one\n two */ "a": { "command": "x", "args": ["http://y//z", "/* no */"], },\n\t},\n}'
    expect(parse(content).units).toMatchObject([{ unit: { command: 'x', args: ['http://y//z', '/* no */'] } }])
  })

  it('fills in what clients fill in, and keeps a lone variable as a reference', () => {
    const env = { A: '${SET}', B: '${env:UNSET}', C: 'Bearer ${SET}', D: '${OTHER:-fallback}' }
    const args = ['${workspaceFolder}/a', '${userHome}/b', '${env:SET}']
    const [{ unit, notes } = { unit: {}, notes: [] }] = parse({ mcpServers: { a: { command: 'x', args, env } } }).units
    expect(unit).toMatchObject({
      args: ['/work/a', `${homedir()}/b`, 'value'],
      env: { A: 'env:SET', B: 'env:UNSET', C: 'Bearer value', D: 'fallback' },
    })
    expect(notes).toEqual(['SET was taken from the environment as it is now', 'SET was taken from the environment as it is now'])
  })

  it('leaves out, with the reason, what cannot be attached', () => {
    const mcpServers = {
      off: { command: 'x', disabled: true },
      sse: { type: 'sse', url: 'http://x' },
      empty: {},
      asks: { command: 'x', env: { KEY: '${input:key}' } },
      unset: { command: 'x', args: ['${NOT_SET}'] },
      good: { serverUrl: 'http://x' },
    }
    const { units, skipped } = parse({ mcpServers })
    expect(units).toMatchObject([{ name: 'good', unit: { url: 'http://x' } }])
    expect(skipped.map(({ nameThere, why }) => [nameThere, why])).toEqual([
      ['off', 'it is disabled there'],
      ['sse', expect.stringContaining('HTTP+SSE')],
      ['empty', 'it has neither a command nor a URL'],
      ['asks', 'it uses ${input:key}, which only that client can fill in'],
      ['unset', 'it uses NOT_SET, which is not set here'],
    ])
  })

  it.each([
    ['{"mcpServers":{\n"a":{"command":["x"]}}}', '/c.json:2: mcpServers.a.command: '],
    ['{"other":1}', '/c.json holds no MCP servers'],
    ['[1]', 'the file holds no object'],
    ['{"mcpServers": {', '/c.json:1: '],
  ])('that is wrong is refused with the line: %j', (content, message) => {
    expect(() => parse(content)).toThrow(message)
  })
})

describe('a unit name made of any name', () => {
  it.each([
    ['files', 'files'],
    ['GitHub Copilot', 'github-copilot'],
    ['@scope/server_x', 'scope-server-x'],
    ['Übergröße', 'ubergro-e'],
    ['日本', 'unit'],
    ['a'.repeat(30), 'a'.repeat(24)],
    ['--', 'unit'],
  ])('%s → %s', (name, slug) => {
    expect(toUnitName(name, new Set())).toBe(slug)
  })

  it('is apart from those taken, and not longer for it', () => {
    const long = 'a'.repeat(24)
    expect(toUnitName('a', new Set(['a', 'a-2']))).toBe('a-3')
    expect(toUnitName(long, new Set([long]))).toBe(`${'a'.repeat(22)}-2`)
  })
})

it('comments go and lines stay', () => {
  expect(withoutComments('{"a": "//", // b\n/* c\n*/ "d": 1}')).toBe('{"a": "//",     \n    \n   "d": 1}')
})
