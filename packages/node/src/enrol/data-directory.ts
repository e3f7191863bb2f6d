import { chmod, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InvalidArgumentError } from '@vsmcp/kernel'

/** Names of what lies in a node's data directory (mode 0700). The store keeps its own files beside them. */
export const dataDirectory = (dir: string) => ({
  /** The node's Ed25519 key. */
  identity: join(dir, 'identity.key'),
  /** The mesh key; only where the mesh was made. */
  meshKey: join(dir, 'mesh.key'),
  /** The key of the first operator; only where the mesh was made. */
  operatorKey: join(dir, 'operator.key'),
  /** Which mesh this node belongs to, its credential and the chain that proves both. */
  enrolment: join(dir, 'enrolment.json'),
  /** Who runs on this directory now: pid and control socket. */
  running: join(dir, 'running.json'),
  /** The latest time this node knew, milliseconds since the Unix epoch. */
  time: join(dir, 'time'),
  /** Where the mesh key was exported to. */
  meshKeyExported: join(dir, 'mesh-key-exported.json'),
  /** The person's configuration; the node only reads it. */
  config: join(dir, 'vsmcp.yaml'),
  logs: join(dir, 'logs'),
  /** Directories of seats in further groups, by group id. */
  seats: join(dir, 'seats'),
  /** A group that is being founded; only in the directory of its first seat, until that is enrolled. */
  founding: join(dir, 'founding.json'),
  /** Records of child processes. */
  processes: join(dir, 'processes'),
})

/** Makes the directory, for this node alone. Throws `InvalidArgumentError`, and touches nothing, where others keep files. */
export async function makeDataDirectory(dir: string): Promise<void> {
  await refuseOthersFiles(dir)
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

/** With one of these the directory is a node's already, whatever else was put there since. */
const MARKS: ReadonlySet<string> = new Set(['format', 'creating', 'enrolment.json'])

/** What may be there first: a configuration, what an enrolment cut off left, the root of a file system of its own. */
const MAY_BE_THERE =
  /^(?:vsmcp\.ya?ml|identity\.key|mesh\.key|operator\.key|running\.json|logs|processes|holder|control\.sock|lost\+found|\..*keep|.*\.tmp)$/

/** A person's home, named by mistake, would be closed to all others and filled with files. */
async function refuseOthersFiles(dir: string): Promise<void> {
  const names = await namesIn(dir)
  const others = names.filter((name) => !MAY_BE_THERE.test(name))
  if (others.length === 0 || names.some((name) => MARKS.has(name))) return
  throw new InvalidArgumentError(`${dir} holds files that are not a node's, such as ${JSON.stringify(others[0])}`, {
    hint: 'Name a directory of its own with --data-dir, one that is empty or not there yet.',
  })
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    if (code !== 'ENOTDIR') throw error
    throw new InvalidArgumentError(`${dir} is a file`, { hint: 'Name a directory with --data-dir.', cause: error })
  }
}
