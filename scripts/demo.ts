import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startMesh, stopMesh } from './lib/local-mesh.ts'

/** The main job of `npm start`. @returns the exit code */
export async function demo(args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'vsmcp-demo-'))
  try {
    const nodes = await startMesh(folder, ['a', 'b', 'c'])
    try {
      console.log(JSON.stringify(await nodes[0]?.vsmcp('status'), null, 2))
      for (const { ready } of nodes) console.log(`${ready.name}: ${ready.mcp}`)
      if (args.includes('--once')) return 0
      const { promise, resolve } = Promise.withResolvers<void>()
      const kept = setInterval(() => {}, 60_000)
      process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve())
      await promise
      clearInterval(kept)
      return 0
    } finally {
      await stopMesh(nodes)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
