import { chmod, lstat, mkdir, mkdtemp, readlink, rename, rm, rmdir, symlink, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { SOCKET_PROBE_TIMEOUT_MS } from './constants.ts'
import { ApiDeniedError, SocketInUseError } from './errors.ts'

/** Something that listens on a socket only its user can open; `release` takes the names off the disk again. */
export interface PrivateSocket {
  readonly path: string
  release(): Promise<void>
}

/**
 * Listens at `path`, mode 0600. The socket is made in a directory of its own that nobody else can enter, given its mode
 * there and then moved into place: at no time can another user connect, whatever the umask, and a dead process's socket
 * is replaced in one step.
 * @param linkAt where to leave a link to the socket, for those who look there
 */
export async function listenPrivately(server: Server, path: string, linkAt?: string): Promise<PrivateSocket> {
  const directory = dirname(path)
  if (linkAt !== undefined) await ownDirectory(directory)
  await refuseIfTaken(path)
  const nursery = await mkdtemp(join(directory, '.s'))
  try {
    const newborn = join(nursery, 's')
    await listen(server, newborn)
    await chmod(newborn, 0o600)
    await rename(newborn, path)
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rm(nursery, { recursive: true, force: true })
  }
  const { ino } = await lstat(path)
  if (linkAt !== undefined) await putLink(path, linkAt)
  return {
    path,
    async release() {
      if ((await inodeOf(path)) === ino) await unlink(path)
      if (linkAt !== undefined && (await targetOf(linkAt)) === path) await unlink(linkAt)
    },
  }
}

function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(path, () => {
    server.removeListener('error', reject)
    resolve()
  })
  return promise
}

/** A directory in a place that others can write to is trusted only when it is ours and closed to them. */
async function ownDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const found = await lstat(directory)
  if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid)) {
    throw new ApiDeniedError(`${directory}, where the control socket would go, belongs to somebody else`, {
      hint: 'Remove it, set XDG_RUNTIME_DIR to a directory of your own, or choose a shorter --data-dir.',
    })
  }
  if ((found.mode & 0o077) !== 0) await chmod(directory, 0o700)
}

async function refuseIfTaken(path: string): Promise<void> {
  let kind
  try {
    kind = await lstat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (kind.isSymbolicLink()) return
  if (!kind.isSocket()) {
    throw new SocketInUseError(`${path} is there already and is no socket`, {
      hint: 'Move it away: the node puts its control socket there.',
    })
  }
  if (await answers(path)) {
    throw new SocketInUseError(`another process already serves on ${path}`, {
      hint: 'A node is running on this data directory; stop it with "vsmcp down" or use another --data-dir.',
    })
  }
}

/** Whether somebody listens there; only a refused connection proves that nobody does. */
function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const probe = connect(path)
  probe.setTimeout(SOCKET_PROBE_TIMEOUT_MS, () => resolve(true))
  probe.once('connect', () => resolve(true))
  probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'))
  return promise.finally(() => probe.destroy())
}

async function putLink(target: string, at: string): Promise<void> {
  const nursery = await mkdtemp(join(dirname(at), '.s'))
  const newborn = join(nursery, 'l')
  await symlink(target, newborn)
  await rename(newborn, at)
  await rmdir(nursery)
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).ino
  } catch {
    return undefined
  }
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch {
    return undefined
  }
}
