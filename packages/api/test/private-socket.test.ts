import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lstat, mkdir, readdir, readlink, rename, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { controlSocketPath, createApiClient, createApiServer } from '../src/index.ts'
import { FakeControl } from './fake-control.ts'
import { serve, tempDir } from './helpers.ts'

const mode = async (path: string): Promise<number> => (await lstat(path)).mode & 0o777

describe('the control socket', () => {
  it('can be opened by its user only, whatever the umask, and is gone after the stop', async () => {
    const before = process.umask(0)
    onTestFinished(() => void process.umask(before))
    const { socketPath, server, dataDir } = await serve()
    expect(await mode(socketPath)).toBe(0o600)
    expect(await readdir(dataDir)).toEqual(['control.sock'])
    await server.stop()
    expect(await readdir(dataDir)).toEqual([])
  })

  it('of a process killed by SIGKILL says that no node is there, and is replaced', async () => {
    const dataDir = await tempDir()
    const socketPath = controlSocketPath(dataDir)
    const code = `require('node:net').createServer().listen(${JSON.stringify(socketPath)}, () => console.log('up'))`
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await lstat(socketPath)).isSocket()).toBe(true)
    await expect(createApiClient({ dataDir }).status()).rejects.toMatchObject({ code: 'VSMCP_API_NO_NODE' })
    await serve({ dataDir })
    expect((await createApiClient({ dataDir }).status()).node.name).toBe('alpha')
  })

  it('of a live process is refused, and left to it', async () => {
    const { dataDir, socketPath } = await serve()
    const second = createApiServer({ control: new FakeControl(), mcpHandler() {}, dataDir, socketPath })
    await expect(second.start()).rejects.toMatchObject({ code: 'VSMCP_API_SOCKET_IN_USE' })
    await second.stop()
    expect((await createApiClient({ dataDir }).status()).node.name).toBe('alpha')
  })

  it('is not put over a file that is no socket', async () => {
    const dataDir = await tempDir()
    await writeFile(join(dataDir, 'control.sock'), 'mine')
    await expect(serve({ dataDir })).rejects.toMatchObject({ code: 'VSMCP_API_SOCKET_IN_USE' })
  })

  it('whose path would be too long is elsewhere, found by a link, and both go at the stop', async () => {
    const dataDir = join(await tempDir(), 'd'.repeat(120))
    await mkdir(dataDir, { mode: 0o700 })
    const runtime = await tempDir()
    const socketPath = controlSocketPath(dataDir, { XDG_RUNTIME_DIR: runtime })
    const { server } = await serve({ dataDir, socketPath })
    expect(await mode(join(runtime, 'vsmcp'))).toBe(0o700)
    expect(await mode(socketPath)).toBe(0o600)
    expect(await readlink(join(dataDir, 'control.sock'))).toBe(socketPath)
    expect((await createApiClient({ dataDir, env: {} }).status()).node.name).toBe('alpha')
    await server.stop()
    expect(await readdir(dataDir)).toEqual([])
    expect(await readdir(join(runtime, 'vsmcp'))).toEqual([])
  })

  it('closes a runtime directory that is open to others, and refuses one that is a link', async () => {
    const dataDir = join(await tempDir(), 'd'.repeat(120))
    await mkdir(dataDir)
    const runtime = await tempDir()
    await mkdir(join(runtime, 'vsmcp'))
    await chmod(join(runtime, 'vsmcp'), 0o777)
    await serve({ dataDir, socketPath: controlSocketPath(dataDir, { XDG_RUNTIME_DIR: runtime }) })
    expect(await mode(join(runtime, 'vsmcp'))).toBe(0o700)

    const other = await tempDir()
    await symlink(join(runtime, 'vsmcp'), join(other, 'vsmcp'))
    const linked = serve({ dataDir, socketPath: controlSocketPath(dataDir, { XDG_RUNTIME_DIR: other }) })
    await expect(linked).rejects.toMatchObject({ code: 'VSMCP_API_DENIED' })
  })

  it('that a successor has put in its place is not taken away from it', async () => {
    const { dataDir, socketPath, server } = await serve()
    const successor = createServer().listen(join(dataDir, 'next'))
    await once(successor, 'listening')
    onTestFinished(() => void successor.close())
    await rename(join(dataDir, 'next'), socketPath)
    await server.stop()
    expect((await lstat(socketPath)).isSocket()).toBe(true)
  })
})
