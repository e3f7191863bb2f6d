/**
 * Builds the `vsmcp` package into packages/cli/dist, unless what is there was built from these very sources.
 * `node scripts/build.ts [--force]`
 */
import { existsSync, readFileSync, utimesSync } from 'node:fs'

import { bundle } from './lib/bundle.ts'
import { distDir } from './lib/paths.ts'
import { sourceHash } from './lib/source-hash.ts'

/** @returns whether anything had to be built */
export async function ensureBuilt(options: { force?: boolean; say: (line: string) => void }): Promise<boolean> {
  const hash = sourceHash()
  const stamp = `${distDir}.source-hash`
  if (options.force !== true && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
    const now = new Date()
    utimesSync(stamp, now, now)
    options.say('the bundle is up to date')
    return false
  }
  options.say('building the bundle')
  const started = performance.now()
  const { bytes, files } = await bundle(hash)
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  options.say(`built ${files} files, ${(bytes / 1e6).toFixed(2)} MB, in ${seconds} s`)
  return true
}

if (import.meta.main) {
  await ensureBuilt({ force: process.argv.includes('--force'), say: (line) => console.error(`vsmcp: ${line}`) })
}
