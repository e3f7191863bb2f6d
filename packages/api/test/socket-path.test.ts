import { mkdtemp, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SOCKET_PATH_MAX_BYTES } from '../src/constants.ts'
import { controlSocketPath, findControlSocket } from '../src/index.ts'

const long = join('/srv', 'd'.repeat(120))

it('puts the socket into the data directory', () => {
  expect(controlSocketPath('/srv/node')).toBe('/srv/node/control.sock')
})

it('puts it into the runtime directory when the path is too long for a socket', () => {
  const path = controlSocketPath(long, { XDG_RUNTIME_DIR: '/run/user/7' })
  expect(path).toMatch(/^\/run\/user\/7\/vsmcp\/[0-9a-f]{24}\.sock$/)
  expect(controlSocketPath(`${long}x`, { XDG_RUNTIME_DIR: '/run/user/7' })).not.toBe(path)
})

it('counts bytes, not letters', () => {
  const letters = Math.floor(SOCKET_PATH_MAX_BYTES / 2)
  expect(controlSocketPath(`/${'é'.repeat(letters)}`, { XDG_RUNTIME_DIR: '/run/user/7' })).toMatch(/^\/run\/user\/7/)
})

it('does without a runtime directory, and without one whose own path is too long or not absolute', () => {
  const fallback = join(tmpdir(), `vsmcp-${process.getuid?.() ?? 0}`)
  for (const env of [{}, { XDG_RUNTIME_DIR: long }, { XDG_RUNTIME_DIR: 'run' }]) {
    const path = controlSocketPath(long, env)
    expect(path.startsWith(`${fallback}/`)).toBe(true)
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(SOCKET_PATH_MAX_BYTES)
  }
})

it('follows the link a node has left, whatever the runtime directory is now', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'api-link-'))
  await symlink('/run/elsewhere/x.sock', join(directory, 'control.sock'))
  expect(findControlSocket(directory, {})).toBe('/run/elsewhere/x.sock')
})
