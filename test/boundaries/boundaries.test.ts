import { describe, expect, it } from 'vitest'

import { checkBoundaries, type Violation } from './rules.ts'
import { readPackages, type SourcePackage } from './source-package.ts'

const lines = (violations: readonly Violation[]): string[] =>
  violations.map(({ rule, where, what }) => `${rule}: ${where}: ${what}`)

/** A package planted for a test; it declares all it is told it depends on. */
function planted(folder: string, files: Record<string, string>, dependencies: string[] = []): SourcePackage {
  return { folder, name: `@vsmcp/${folder}`, dependencies, entries: ['src/index.ts'], files: new Map(Object.entries(files)) }
}

const kernel = planted('kernel', { 'src/index.ts': 'export const id = 1' })
const importing = (name: string): Record<string, string> => ({ 'src/index.ts': `export * from '@vsmcp/${name}'` })

describe('the packages of this workspace', () => {
  const packages = readPackages()

  it('are all read', () => {
    expect(packages.map(({ folder }) => folder)).toEqual(expect.arrayContaining(['kernel', 'consensus', 'mesh', 'node', 'cli']))
  })

  it('keep the arrows down, adapters apart, pure packages pure and every file in use', () => {
    expect(lines(checkBoundaries(packages))).toEqual([])
  })
})

describe('the rules find a planted breach of', () => {
  it.each([
    [
      'an upward arrow',
      'arrow',
      [kernel, planted('consensus', importing('node'), ['@vsmcp/node']), planted('node', kernelLike())],
    ],
    [
      'an arrow between pure packages',
      'arrow',
      [planted('vsm', importing('consensus'), ['@vsmcp/consensus']), planted('consensus', kernelLike())],
    ],
    [
      'an upward arrow of a type alone',
      'arrow',
      [
        planted('kernel', { 'src/index.ts': "import type { A } from '@vsmcp/vsm'\nexport const a: A = 1" }, ['@vsmcp/vsm']),
        planted('vsm', kernelLike()),
      ],
    ],
    [
      'an adapter importing an adapter',
      'adapter',
      [planted('mesh', importing('store'), ['@vsmcp/store']), planted('store', kernelLike())],
    ],
    [
      'a cycle of packages',
      'cycle',
      [planted('api', importing('cli'), ['@vsmcp/cli']), planted('cli', importing('api'), ['@vsmcp/api'])],
    ],
    [
      'a cycle of files',
      'cycle',
      [planted('node', { 'src/index.ts': "export * from './b.ts'", 'src/b.ts': "export * from './index.ts'" })],
    ],
    ['a dependency that is not declared', 'declared', [planted('mesh', { 'src/index.ts': "import 'libp2p'" }, [])]],
    [
      'an import that reaches inside another package',
      'private',
      [kernel, planted('node', { 'src/index.ts': "import '@vsmcp/kernel/src/index.ts'" }, ['@vsmcp/kernel'])],
    ],
    ['a path that leaves the package', 'private', [planted('node', { 'src/index.ts': "import '../../kernel/src/index.ts'" })]],
    ['an import of a file that is not there', 'resolves', [planted('node', { 'src/index.ts': "import './gone.ts'" })]],
    [
      'a file nobody imports',
      'orphan',
      [planted('node', { 'src/index.ts': 'export const a = 1', 'src/dead.ts': 'export const b = 1' })],
    ],
    [
      'files that only import each other',
      'orphan',
      [
        planted('node', {
          'src/index.ts': 'export const a = 1',
          'src/b.ts': "import './c.ts'",
          'src/c.ts': 'export const c = 1',
        }),
      ],
    ],
    ['a package without a place in the layers', 'placed', [planted('stray', kernelLike())]],
  ] as const)('%s', (_title, rule, packages) => {
    expect(checkBoundaries(packages).map((violation) => violation.rule)).toContain(rule)
  })
})

describe('the rules find in a pure package', () => {
  it.each([
    ['a clock', 'export const now = () => Date.now()'],
    ['a clock by construction', 'export const now = () => new Date().toISOString()'],
    ['a monotonic clock', 'export const now = () => performance.now()'],
    ["the kernel's clock", "import { systemClock } from '@vsmcp/kernel'\nexport const c = systemClock"],
    ['a timer', 'export const later = (fn: () => void) => setTimeout(fn, 1)'],
    ['a microtask', 'export const later = (fn: () => void) => queueMicrotask(fn)'],
    ['a socket', "import { connect } from 'node:net'\nexport const c = connect"],
    ['a socket by its old name', "import { connect } from 'net'\nexport const c = connect"],
    ['a socket by fetch', "export const get = () => fetch('http://localhost')"],
    ['a promise', 'export const p = Promise.resolve(1)'],
    ['a promise in a type', 'export type Later = (x: number) => Promise<number>'],
    ['a promise by an async function', 'export async function f() { return 1 }'],
    ['a promise by an async method', 'export class A { async f() { return 1 } }'],
    ['a promise by then', 'export const f = (x: { then(fn: () => void): void }) => x.then(() => {})'],
    ['ambient randomness', 'export const r = () => Math.random()'],
    ['ambient randomness in brackets', "export const r = () => Math['random']()"],
    ['ambient randomness by crypto', 'export const r = () => crypto.randomUUID()'],
    ['the process', 'export const e = () => process.env'],
    ['the global object', "export const t = () => globalThis['setTimeout']"],
    ['a late import', "export const f = () => import('./index.ts')"],
    ['a package from npm that is not pure', "import 'libp2p'"],
  ])('%s', (_title, text) => {
    const violations = checkBoundaries([kernel, planted('consensus', { 'src/index.ts': text }, ['@vsmcp/kernel', 'libp2p'])])
    expect(violations.map((violation) => violation.rule)).toContain('pure')
  })

  it('names the file and the line', () => {
    const violations = checkBoundaries([planted('vsm', { 'src/index.ts': 'export const a = 1\n\nexport const b = Date.now()' })])
    expect(lines(violations)).toEqual(['pure: vsm/src/index.ts:3: clock: Date'])
  })
})

describe('the rules leave alone', () => {
  it.each([
    ['members that bear an ambient name', 'export const f = (x: { Date: number; process: number }) => x.Date + x.process'],
    [
      'parameters that bear an ambient name',
      'export const f = (performance: number, crypto: { a: number }) => performance + crypto.a',
    ],
    ['comments and strings', "// Date.now() and setTimeout\nexport const a = 'Math.random() and Promise'"],
    ['Math without random', 'export const a = (x: number) => Math.floor(x)'],
    [
      'randomness that is passed in',
      "import type { Random } from '@vsmcp/kernel'\nexport const r = (random: Random) => random.next()",
    ],
  ])('%s in a pure package', (_title, text) => {
    expect(lines(checkBoundaries([kernel, planted('vsm', { 'src/index.ts': text }, ['@vsmcp/kernel'])]))).toEqual([])
  })

  it('clocks, timers and sockets in an adapter', () => {
    const text = "import 'node:net'\nexport const f = async () => { await Promise.resolve(); setTimeout(() => {}, Date.now()) }"
    expect(lines(checkBoundaries([planted('mesh', { 'src/index.ts': text })]))).toEqual([])
  })

  it('a circle of types between files, and a file that is started by its address', () => {
    const files = {
      'src/index.ts':
        "import type { B } from './b.ts'\nexport type A = B\nexport const g = new URL('./guardian.ts', import.meta.url)",
      'src/b.ts': "import type { A } from './index.ts'\nexport type B = A | 1",
      'src/guardian.ts': 'export const g = 1',
    }
    expect(lines(checkBoundaries([planted('mcp', files)]))).toEqual([])
  })
})

function kernelLike(): Record<string, string> {
  return { 'src/index.ts': 'export const id = 1' }
}
