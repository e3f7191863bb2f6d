import { isBuiltin } from 'node:module'
import { posix } from 'node:path'

import { type Import, readSource, type SourceFile } from './source-file.ts'
import type { SourcePackage } from './source-package.ts'

export type Rule = 'placed' | 'arrow' | 'adapter' | 'cycle' | 'pure' | 'declared' | 'private' | 'resolves' | 'orphan'

export interface Violation {
  rule: Rule
  /** Package folder and file, such as `mesh/src/index.ts`. */
  where: string
  what: string
}

const PURE = ['vsm', 'consensus', 'membership'] as const
const ADAPTERS = ['mesh', 'state', 'store', 'mcp', 'security', 'nervous'] as const

/** The simulator is pure but for its command, which prints, reads arguments and starts processes. */
const isPure = (folder: string, path: string): boolean =>
  (PURE as readonly string[]).includes(folder) ||
  (folder === 'simulator' && path !== 'src/main.ts' && !path.startsWith('src/command/'))

/** What each package may import of the others: the picture in the design, as a table. */
const BELOW: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['kernel', []],
  ...PURE.map((name) => [name, ['kernel']] as const),
  ...ADAPTERS.map((name) => [name, ['kernel', ...PURE]] as const),
  ['simulator', ['kernel', ...PURE]],
  ['node', ['kernel', ...PURE, ...ADAPTERS]],
  ['api', ['kernel', 'node']],
  ['cli', ['kernel', 'node', 'api']],
])

/** Pure computation, no ambient state: what pure packages may use from npm. */
const PURE_NPM = new Set(['zod'])

interface Parsed {
  package: SourcePackage
  files: ReadonlyMap<string, SourceFile>
}

const isRelative = (specifier: string): boolean => specifier.startsWith('.')

/** `@scope/name/deep` → `@scope/name`. */
const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

const resolveRelative = (from: string, specifier: string): string => posix.normalize(posix.join(posix.dirname(from), specifier))

function checkImport(of: Parsed, path: string, imported: Import, folderByName: ReadonlyMap<string, string>): Violation[] {
  const { package: source } = of
  const where = `${source.folder}/${path}`
  const pure = isPure(source.folder, path)
  const { specifier } = imported
  if (isRelative(specifier)) {
    const target = resolveRelative(path, specifier)
    if (target.startsWith('..')) return [{ rule: 'private', where, what: `${specifier} leaves the package` }]
    if (!source.files.has(target)) return [{ rule: 'resolves', where, what: `${specifier} is no file` }]
    return []
  }
  if (isBuiltin(specifier)) return pure ? [{ rule: 'pure', where, what: `imports ${specifier}` }] : []
  const violations: Violation[] = []
  const name = packageOf(specifier)
  if (!source.dependencies.includes(name) && name !== source.name) {
    violations.push({ rule: 'declared', where, what: `${name} is not among the dependencies in package.json` })
  }
  const target = folderByName.get(name)
  if (target === undefined) {
    if (pure && !PURE_NPM.has(name)) violations.push({ rule: 'pure', where, what: `imports ${name} from npm` })
    return violations
  }
  if (specifier !== name) violations.push({ rule: 'private', where, what: `${specifier} reaches inside ${name}` })
  if (!(BELOW.get(source.folder) ?? []).includes(target)) {
    const adapters: readonly string[] = ADAPTERS
    const sideways = adapters.includes(source.folder) && adapters.includes(target)
    violations.push(
      sideways
        ? { rule: 'adapter', where, what: `the adapter ${source.folder} imports the adapter ${target}` }
        : { rule: 'arrow', where, what: `${source.folder} imports ${target}, which is not below it` },
    )
  }
  return violations
}

/** Strongly connected sets of more than one vertex, or of one with an edge to itself (Tarjan 1972, by plain recursion). */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (vertex: string): void => {
    index.set(vertex, index.size)
    low.set(vertex, index.get(vertex) ?? 0)
    stack.push(vertex)
    for (const next of edges.get(vertex) ?? []) {
      if (!index.has(next)) visit(next)
      else if (!stack.includes(next)) continue
      low.set(vertex, Math.min(low.get(vertex) ?? 0, low.get(next) ?? 0))
    }
    if (low.get(vertex) !== index.get(vertex)) return
    const component = stack.splice(stack.indexOf(vertex))
    if (component.length > 1 || (edges.get(vertex) ?? []).includes(vertex)) found.push(component)
  }
  for (const vertex of edges.keys()) if (!index.has(vertex)) visit(vertex)
  return found
}

/** Cycles between packages count even when only types go round; between files of a package only what runs. */
function checkCycles(all: readonly Parsed[], folderByName: ReadonlyMap<string, string>): Violation[] {
  const violations: Violation[] = []
  const packageEdges = new Map<string, string[]>()
  for (const { package: source, files } of all) {
    const targets = new Set<string>()
    const fileEdges = new Map<string, string[]>()
    for (const [path, { imports }] of files) {
      const runs = imports.filter(({ specifier, typeOnly }) => isRelative(specifier) && !typeOnly)
      fileEdges.set(
        path,
        runs.map(({ specifier }) => resolveRelative(path, specifier)),
      )
      for (const { specifier } of imports) {
        const target = isRelative(specifier) ? undefined : folderByName.get(packageOf(specifier))
        if (target !== undefined) targets.add(target)
      }
    }
    packageEdges.set(source.folder, [...targets])
    for (const cycle of cycles(fileEdges)) {
      violations.push({
        rule: 'cycle',
        where: `${source.folder}/${cycle[0] ?? ''}`,
        what: `files import in a circle: ${cycle.join(', ')}`,
      })
    }
  }
  for (const cycle of cycles(packageEdges)) {
    violations.push({ rule: 'cycle', where: cycle[0] ?? '', what: `packages import in a circle: ${cycle.join(', ')}` })
  }
  return violations
}

function checkOrphans({ package: source, files }: Parsed): Violation[] {
  const reached = new Set<string>()
  const queue = source.entries.filter((entry) => files.has(entry))
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    for (const { specifier } of files.get(path)?.imports ?? []) {
      if (isRelative(specifier)) queue.push(resolveRelative(path, specifier))
    }
  }
  return [...files.keys()]
    .filter((path) => !reached.has(path))
    .map((path) => ({ rule: 'orphan', where: `${source.folder}/${path}`, what: 'nothing that runs imports it' }))
}

/** Holds packages to the design's house rules. @returns every breach, none when all is well */
export function checkBoundaries(packages: readonly SourcePackage[]): Violation[] {
  const folderByName = new Map(packages.map(({ name, folder }) => [name, folder]))
  const all: Parsed[] = packages.map((source) => ({
    package: source,
    files: new Map([...source.files].map(([path, text]) => [path, readSource(path, text)])),
  }))
  const violations: Violation[] = checkCycles(all, folderByName)
  for (const parsed of all) {
    const { folder } = parsed.package
    if (!BELOW.has(folder)) {
      violations.push({
        rule: 'placed',
        where: folder,
        what: 'has no place in the layers; give it one in test/boundaries/rules.ts',
      })
    }
    for (const [path, file] of parsed.files) {
      for (const imported of file.imports) violations.push(...checkImport(parsed, path, imported, folderByName))
      if (!isPure(folder, path)) continue
      for (const { line, what } of file.impurities) violations.push({ rule: 'pure', where: `${folder}/${path}:${line}`, what })
    }
    violations.push(...checkOrphans(parsed))
  }
  return violations
}
