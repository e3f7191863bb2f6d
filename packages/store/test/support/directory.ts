import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { silentLogger, systemClock } from '@vsmcp/kernel'
import { openStore, type Store } from '../../src/index.ts'

/** A directory of this test alone, gone after it. */
export async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'vsmcp-store-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Opens a store that is closed after the test at the latest. */
export async function openFor(dir: string, create = true): Promise<Store> {
  const store = await openStore({ dir, create })({ clock: systemClock, logger: silentLogger })
  onTestFinished(() => store.stop())
  return store
}
