import { parseSync, Visitor } from 'oxc-parser'

/** One import, re-export, `import()` or `new URL(…, import.meta.url)` of a file. */
export interface Import {
  specifier: string
  /** Names asked for; empty for a whole namespace and for side effects. */
  names: readonly string[]
  /** Gone at run time: `import type`. */
  typeOnly: boolean
}

/** A place in a file that a pure package must not have. */
export interface Impurity {
  line: number
  what: string
}

export interface SourceFile {
  imports: readonly Import[]
  impurities: readonly Impurity[]
}

/** Ambient names through which time, chance, the machine or a later turn gets in. */
const AMBIENT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    clock: ['Date', 'performance', 'Temporal'],
    timer: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'scheduler'],
    socket: ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest', 'BroadcastChannel', 'MessageChannel', 'Worker'],
    promise: ['Promise', 'PromiseLike', 'AbortController', 'AbortSignal', 'AsyncIterable', 'AsyncIterator', 'AsyncGenerator'],
    randomness: ['crypto'],
    machine: ['process', 'Buffer', 'console', 'globalThis', 'global', 'require', 'navigator', 'localStorage'],
  }).flatMap(([kind, names]) => names.map((name) => [name, `${kind}: ${name}`] as const)),
)

/** What the kernel offers to shells only. */
const SHELL_ONLY = new Set(['Clock', 'Timer', 'systemClock', 'Startable', 'Supervisor', 'Actor', 'telemetry'])

interface Node {
  type: string
  start: number
}

function nameOf(node: unknown): string | undefined {
  const candidate = node as { type?: string; name?: string } | null | undefined
  return candidate?.type === 'Identifier' ? candidate.name : undefined
}

function stringOf(node: unknown): string | undefined {
  const candidate = node as { type?: string; value?: unknown } | null | undefined
  return candidate?.type === 'Literal' && typeof candidate.value === 'string' ? candidate.value : undefined
}

type Program = ReturnType<typeof parseSync>

function staticImports(parsed: Program): Import[] {
  const imports: Import[] = parsed.module.staticImports.map(({ moduleRequest, entries }) => ({
    specifier: moduleRequest.value,
    names: entries.flatMap(({ importName }) => (importName.name ? [importName.name] : [])),
    typeOnly: entries.length > 0 && entries.every(({ isType }) => isType),
  }))
  for (const { entries } of parsed.module.staticExports) {
    for (const { moduleRequest, importName, isType } of entries) {
      if (!moduleRequest) continue
      const names = importName.name ? [importName.name] : []
      imports.push({ specifier: moduleRequest.value, names, typeOnly: isType })
    }
  }
  return imports
}

/** `import('x')`, `typeof import('x')` and `new URL('./x.ts', import.meta.url)`, which starts a file as a process. */
function lateImports(parsed: Program): Import[] {
  const imports: Import[] = []
  const add = (specifier: string | undefined, typeOnly: boolean): void => {
    if (specifier !== undefined) imports.push({ specifier, names: [], typeOnly })
  }
  new Visitor({
    ImportExpression: (node) => add(stringOf(node.source), false),
    TSImportType: (node) => add(stringOf(node.source), true),
    NewExpression(node) {
      const specifier = nameOf(node.callee) === 'URL' ? stringOf(node.arguments[0]) : undefined
      if (specifier?.startsWith('.') === true && specifier.endsWith('.ts')) add(specifier, false)
    },
  }).visit(parsed.program)
  return imports
}

/** Names that the file itself binds: a parameter called `performance` is Beer's, not the browser's. */
function boundNames(parsed: Program): Set<string> {
  const bound = new Set<string>()
  const bind = (pattern: unknown): void => {
    const node = pattern as Record<string, unknown> | null | undefined
    if (node === null || node === undefined) return
    const name = nameOf(node)
    if (name !== undefined) bound.add(name)
    for (const key of ['left', 'argument', 'value', 'parameter'] as const) {
      if (typeof node[key] === 'object') bind(node[key])
    }
    for (const key of ['properties', 'elements'] as const) if (Array.isArray(node[key])) node[key].forEach(bind)
  }
  const bindFunction = (node: { id?: unknown; params: readonly unknown[] }): void => {
    bind(node.id)
    node.params.forEach(bind)
  }
  new Visitor({
    VariableDeclarator: (node) => bind(node.id),
    FunctionDeclaration: bindFunction,
    FunctionExpression: bindFunction,
    ArrowFunctionExpression: bindFunction,
    ClassDeclaration: (node) => bind(node.id),
    CatchClause: (node) => bind(node.param),
    ImportSpecifier: (node) => bind(node.local),
    TSInterfaceDeclaration: (node) => bind(node.id),
    TSTypeAliasDeclaration: (node) => bind(node.id),
  }).visit(parsed.program)
  return bound
}

/** Start offsets of identifiers that only name a member: `x.Date`, `{ Date: 1 }`, `interface { Date: … }`. */
function memberNames(parsed: Program): Set<number> {
  const members = new Set<number>()
  const key = (node: { computed: boolean; key: Node; shorthand?: boolean }): void => {
    if (!node.computed && node.shorthand !== true) members.add(node.key.start)
  }
  new Visitor({
    MemberExpression: (node) => {
      if (!node.computed) members.add(node.property.start)
    },
    TSQualifiedName: (node) => members.add(node.right.start),
    Property: key,
    PropertyDefinition: key,
    AccessorProperty: key,
    MethodDefinition: key,
    TSPropertySignature: key,
    TSMethodSignature: key,
    ImportSpecifier: (node) => members.add(node.imported.start),
    ExportSpecifier: (node) => members.add(node.exported.start),
    LabeledStatement: (node) => members.add(node.label.start),
  }).visit(parsed.program)
  return members
}

function impurities(parsed: Program, text: string): Impurity[] {
  const found: Impurity[] = []
  const bound = boundNames(parsed)
  const members = memberNames(parsed)
  const add = (node: Node, what: string): void => {
    found.push({ line: text.slice(0, node.start).split('\n').length, what })
  }
  const asyncFunction = (node: Node & { async: boolean }): void => {
    if (node.async) add(node, 'promise: an async function')
  }
  new Visitor({
    Identifier(node) {
      const what = AMBIENT.get(node.name)
      if (what !== undefined && !bound.has(node.name) && !members.has(node.start)) add(node, what)
    },
    MemberExpression(node) {
      const member = nameOf(node.property)
      if (nameOf(node.object) === 'Math' && (member === 'random' || stringOf(node.property) === 'random')) {
        add(node, 'randomness: Math.random')
      }
      if (member === 'then' && !node.computed) add(node, 'promise: .then')
    },
    FunctionDeclaration: asyncFunction,
    FunctionExpression: asyncFunction,
    ArrowFunctionExpression: asyncFunction,
    AwaitExpression: (node) => add(node, 'promise: await'),
    ForOfStatement: (node) => {
      if (node.await) add(node, 'promise: for await')
    },
    ImportExpression: (node) => add(node, 'promise: import()'),
    ImportSpecifier: (node) => {
      const name = nameOf(node.imported)
      if (name !== undefined && SHELL_ONLY.has(name)) add(node, `clock: ${name} of the kernel is for shells`)
    },
  }).visit(parsed.program)
  return found
}

/** Reads what a file imports and, for pure packages, what in it is not pure. Throws for a file that does not parse. */
export function readSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text)
  const [error] = parsed.errors
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)
  return { imports: [...staticImports(parsed), ...lateImports(parsed)], impurities: impurities(parsed, text) }
}
