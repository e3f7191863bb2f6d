import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { ensureCommands, findCommand } from '../../../scripts/lib/debian-packages.ts'
import { run } from '../../../scripts/lib/run.ts'

const source = fileURLToPath(new URL('fsync-shim.c', import.meta.url))

/** One small file. */
const COMPILE_TIMEOUT_MS = 60_000

/**
 * Compiles what makes fsync fail.
 * @returns the library, or why there is none
 */
export async function compileShim(folder: string): Promise<{ library: string } | { why: string }> {
  const why = await ensureCommands({ cc: 'gcc' }, (line) => console.log(line))
  if (why !== undefined) return { why }
  const library = `${folder}/fsync-shim.so`
  const args = ['-shared', '-fPIC', '-nostdlib', '-fno-builtin', '-w', '-o', library, source]
  const { code, stderr } = await run(findCommand('cc') ?? 'cc', args, { timeoutMs: COMPILE_TIMEOUT_MS })
  return code === 0 ? { library } : { why: `the C compiler made no library: ${stderr.trim()}` }
}

/** The disk of one node, as far as syncing its data directory goes. */
export class Disk {
  /** What the node's process must be started with. */
  readonly env: Readonly<Record<string, string>>
  readonly #flag: string

  constructor(library: string, dataDir: string) {
    this.#flag = `${dataDir}.fsync-fails`
    this.env = { LD_PRELOAD: library, FSYNC_FAILS: this.#flag, FSYNC_FOLDER: dataDir }
  }

  /** From now on every fsync and fdatasync of the node's files fails. */
  fail(): void {
    writeFileSync(this.#flag, '')
  }

  mend(): void {
    rmSync(this.#flag, { force: true })
  }

  /** How often the node was refused since it began to fail. */
  get refusals(): number {
    return existsSync(this.#flag) ? statSync(this.#flag).size : 0
  }
}
