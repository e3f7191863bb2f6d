import { createHash } from 'node:crypto'
import { lstatSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SOCKET_NAME, SOCKET_PATH_MAX_BYTES } from './constants.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Where the control socket of a data directory is put: in the directory itself, or, when that path is too long for a
 * socket, under the user's runtime directory (`$XDG_RUNTIME_DIR/vsmcp`, else a directory of the user's own in the system's
 * temporary one), named after the data directory's digest.
 */
export function controlSocketPath(dataDir: string, env: Env = process.env): string {
  const inside = join(resolve(dataDir), SOCKET_NAME)
  if (Buffer.byteLength(inside) <= SOCKET_PATH_MAX_BYTES) return inside
  const name = `${createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 24)}.sock`
  return join(runtimeDir(env, name), name)
}

/**
 * Where a node that already runs serves: as `controlSocketPath` says, but a link left in the data directory wins, so
 * that a shell with another `XDG_RUNTIME_DIR` than the node's finds it all the same.
 */
export function findControlSocket(dataDir: string, env: Env = process.env): string {
  const inside = join(resolve(dataDir), SOCKET_NAME)
  try {
    if (lstatSync(inside).isSymbolicLink()) return readlinkSync(inside)
  } catch {
    // Nothing there, or not readable: connecting says so in better words.
  }
  return controlSocketPath(dataDir, env)
}

function runtimeDir(env: Env, name: string): string {
  const given = env['XDG_RUNTIME_DIR']
  // Not from the user database: a container may run under a uid that is in none.
  const mine = `vsmcp-${process.getuid?.() ?? 0}`
  const candidates = [...(given === undefined || !given.startsWith('/') ? [] : [join(given, 'vsmcp')]), join(tmpdir(), mine)]
  const fits = candidates.find((directory) => Buffer.byteLength(join(directory, name)) <= SOCKET_PATH_MAX_BYTES)
  return fits ?? join('/tmp', mine)
}
