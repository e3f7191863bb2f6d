import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'

import { root } from './paths.ts'

/** All that decides what the bundle looks like. */
const PATTERNS = [
  'packages/*/src/**/*',
  'packages/*/package.json',
  'packages/cli/bin/*',
  'packages/cli/README.md',
  'pnpm-lock.yaml',
  'scripts/build.ts',
  'scripts/lib/*.ts',
  'LICENSE',
]

/** Digest of names and contents: a build is fresh when its digest is that of the sources, whatever their dates. */
export function sourceHash(): string {
  const hash = createHash('sha256')
  const entries = globSync(PATTERNS, { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const path of entries.map((entry) => `${entry.parentPath}/${entry.name}`).sort()) {
    const content = readFileSync(path)
    hash.update(`${path.slice(root.length)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}
