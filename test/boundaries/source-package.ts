import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A package as the rules see it: its manifest's claims and its sources, from disk or planted by a test. */
export interface SourcePackage {
  /** The folder's name under packages/, which is also its place in the layers. */
  folder: string
  /** What others import it by. */
  name: string
  dependencies: readonly string[]
  /** Files that need no importer: what the manifest exports, and what a person or another process starts. */
  entries: readonly string[]
  /** Text by path within the package, such as `src/index.ts`. */
  files: ReadonlyMap<string, string>
}

interface Manifest {
  name: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  exports?: Record<string, string>
}

/** The command's own entry is started, not imported. */
const STARTED = ['src/main.ts']

/** Reads every package of this workspace. */
export function readPackages(): SourcePackage[] {
  return globSync('packages/*/package.json', { cwd: root })
    .sort()
    .map((path) => {
      const folder = path.split('/')[1] ?? ''
      const base = `${root}packages/${folder}/`
      const manifest = JSON.parse(readFileSync(`${base}package.json`, 'utf8')) as Manifest
      const files = new Map<string, string>()
      for (const file of globSync('src/**/*.ts', { cwd: base, exclude: ['**/*.d.ts'] }).sort())
        files.set(file, readFileSync(base + file, 'utf8'))
      return {
        folder,
        name: manifest.name,
        dependencies: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
        entries: [...Object.values(manifest.exports ?? {}).map((entry) => entry.replace(/^\.\//, '')), ...STARTED],
        files,
      }
    })
}
