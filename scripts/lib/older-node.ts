import { existsSync } from 'node:fs'

import { root } from './paths.ts'
import { run } from './run.ts'

/** The first Node on PATH that is not this checkout's and is older than `major`. */
export async function findOlderNode(major: number): Promise<{ path: string; version: string } | undefined> {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '' && !folder.startsWith(root))
  for (const folder of new Set([...folders, '/usr/bin', '/usr/local/bin'])) {
    const path = `${folder}/node`
    if (!existsSync(path)) continue
    const { stdout } = await run(path, ['-p', 'process.versions.node'], { timeoutMs: 10_000 })
    const version = stdout.trim()
    if (Number(version.split('.')[0]) < major) return { path, version }
  }
  return undefined
}
