import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { ConfigError } from '../errors.ts'

/** A YAML or JSON text whose every value knows its line. */
export interface LocatedDocument {
  readonly file: string
  readonly value: unknown
  /** 1 for the first line; of the key, where a path leads to a key's value. */
  lineOf(path: readonly PropertyKey[]): number
}

/**
 * Parses a file's text. Throws `ConfigError` with file and line when it is neither YAML nor JSON.
 * @param scalars `failsafe`: all are text, `012` and `yes` stay what was written; `core`: numbers, true, false and null are such
 */
export function parseLocated(text: string, file: string, scalars: 'failsafe' | 'core' = 'failsafe'): LocatedDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, schema: scalars, prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined) {
    throw new ConfigError(`${file}:${lines.linePos(error.pos[0]).line}: ${error.message}`, { hint: SYNTAX_HINT, cause: error })
  }
  const lineAt = (offset: number | undefined): number => (offset === undefined ? 1 : lines.linePos(offset).line)
  return {
    file,
    value: toValue(document, file, lineAt),
    lineOf(path) {
      let node: unknown = document.contents
      let line = lineAt((node as Node | null)?.range?.[0])
      for (const step of path) {
        const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === String(step)) : undefined
        const next: unknown =
          pair === undefined ? (node as { get?(key: unknown, keep: true): unknown }).get?.(step, true) : pair.value
        const at = (pair?.key ?? next) as Node | undefined
        if (at?.range === undefined) return line
        line = lineAt(at.range?.[0])
        node = next
      }
      return line
    },
  }
}

/** An alias that is not there, or so many of them that they would fill the memory, is the file's fault. */
function toValue(document: Document, file: string, lineAt: (offset: number | undefined) => number): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown
  } catch (cause) {
    let line = 1
    visit(document, {
      Alias: (_, alias) => {
        line = lineAt(alias.range?.[0])
        return visit.BREAK
      },
    })
    throw new ConfigError(`${file}:${line}: ${(cause as Error).message}`, { cause })
  }
}

const SYNTAX_HINT =
  'The file must be YAML or JSON. Look at that line and those above it: indentation by spaces, closed quotes and brackets.'

/** So many times may aliases be followed: nobody's file needs more, and a hostile one would fill the memory. */
const ALIASES_MAX = 100

/** Checks a document. Throws `ConfigError` that names each wrong value with its file and line. */
export function checkLocated<S extends z.ZodType>(document: LocatedDocument, schema: S, hint: string): z.output<S> {
  const parsed = schema.safeParse(document.value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.flatMap((issue) => describeIssue(issue, document))
  throw new ConfigError(problems.join('\n'), { hint })
}

function describeIssue(issue: z.core.$ZodIssue, document: LocatedDocument): string[] {
  const at = (path: readonly PropertyKey[]): string => `${document.file}:${document.lineOf(path)}`
  const name = (path: readonly PropertyKey[]): string => path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${at([...issue.path, key])}: unknown key "${name([...issue.path, key])}"`)
  }
  if (issue.path.length === 0) return [`${at([])}: ${issue.message}`]
  return [`${at(issue.path)}: ${name(issue.path)}: ${issue.message}`]
}
