import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Names of what lies in a node's data directory (mode 0700). The store keeps its own files beside them. */
export const dataDirectory = (dir: string) => ({
  /** The node's Ed25519 key. */
  identity: join(dir, 'identity.key'),
  /** The mesh key; only where the mesh was made. */
  meshKey: join(dir, 'mesh.key'),
  /** Which mesh this node belongs to, its credential and the chain that proves both. */
  enrolment: join(dir, 'enrolment.json'),
  /** Who runs on this directory now: pid and control socket. */
  running: join(dir, 'running.json'),
  logs: join(dir, 'logs'),
  /** Records of child processes. */
  processes: join(dir, 'processes'),
})

export async function makeDataDirectory(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
}

/** Writes a file whole or not at all, fsynced, readable by its owner only. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const directory = await open(dirname(file), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** @returns undefined when there is no such file */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export async function removeIfThere(file: string): Promise<void> {
  await rm(file, { force: true })
}
