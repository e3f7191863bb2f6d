import { readFileSync } from 'node:fs'

const table = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')

/** Every code that docs/errors.md promises never changes its meaning, but the one that means a fault of ours. */
export const DOCUMENTED: ReadonlySet<string> = new Set(
  [...table.matchAll(/^\| `(VSMCP_[A-Z0-9_]+)`/gm)].map(([, code = '']) => code).filter((code) => code !== 'VSMCP_INTERNAL'),
)

/** The code of whatever was thrown, or its text when it has none. */
export function codeOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return typeof code === 'string' ? code : `no code: ${String(message ?? error)}`
}
