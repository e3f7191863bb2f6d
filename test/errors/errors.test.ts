import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import { declaredCodes, differences, documentedCodes } from './codes.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

describe('docs/errors.md', () => {
  it('lists every error code of the sources with its meaning and what to do, and no other', () => {
    const paths = globSync('packages/*/src/**/*.ts', { cwd: root }).sort()
    const declared = declaredCodes(new Map(paths.map((path) => [path, readFileSync(root + path, 'utf8')])))
    expect(declared.size).toBeGreaterThan(10)
    const documented = documentedCodes(readFileSync(`${root}docs/errors.md`, 'utf8'))
    expect(differences(declared, documented)).toEqual([])
  })
})

describe('the check finds', () => {
  const source = (text: string): ReadonlyMap<string, string[]> => declaredCodes(new Map([['a.ts', text]]))
  const row = (code: string, meaning = 'm', advice = 'a'): string => `| \`${code}\` | ${meaning} | ${advice} |`

  it.each([
    ['a class', "class A extends VsmcpError {\n  readonly code = 'VSMCP_A'\n}"],
    ['a class with a type', "class A {\n  override readonly code: `VSMCP_${string}` = 'VSMCP_A'\n}"],
    ['a plain shape', "const shape = { code: 'VSMCP_A', message }"],
  ])('a code that is not listed, in %s', (_title, text) => {
    expect(differences(source(text), [])).toEqual([
      expect.stringMatching(/^VSMCP_A \((a\.ts|a plain shape)\) is not in docs\/errors\.md/),
    ])
  })

  it('a listed code that no source has', () => {
    expect(differences(source(''), documentedCodes(row('VSMCP_GONE')))).toEqual([
      expect.stringContaining('VSMCP_GONE is in docs/errors.md'),
    ])
  })

  it('a row without its meaning, rows out of order, and a code of two classes', () => {
    const declared = declaredCodes(
      new Map([
        ['a.ts', "code = 'VSMCP_A'\ncode = 'VSMCP_B'"],
        ['b.ts', "code = 'VSMCP_A'"],
      ]),
    )
    expect(differences(declared, documentedCodes(`${row('VSMCP_B')}\n${row('VSMCP_A', '')}`))).toEqual([
      expect.stringContaining('declared in a.ts and b.ts'),
      expect.stringContaining('VSMCP_A in docs/errors.md lacks'),
      expect.stringContaining('not in the order'),
    ])
  })

  it('nothing where a code is only compared', () => {
    expect(source("if (error.code === 'VSMCP_A' || env.VSMCP_DATA_DIR) return").size).toBe(0)
  })
})
