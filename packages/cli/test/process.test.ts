import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LogLine } from '@vsmcp/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fakeNode, MAIN, tempDir, vsmcpProcess } from './helpers.ts'

/** Runs a program by its own first line, as a shell does; with this Node first on PATH. */
async function runFile(file: string, argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` }
  const child = spawn(file, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += String(chunk)))
  const [code] = (await once(child, 'close')) as [number]
  return { code, ...said }
}

describe('the command as a process', () => {
  it('keeps options that are named like those of Node for itself, as installed by npm', async () => {
    const folder = await tempDir()
    await copyFile(fileURLToPath(new URL('../bin/vsmcp.cjs', import.meta.url)), join(folder, 'vsmcp.cjs'))
    await writeFile(join(folder, 'load.cjs'), 'console.log(JSON.stringify(process.argv.slice(2)))')
    await symlink('vsmcp.cjs', join(folder, 'vsmcp'))
    const argv = ['attach', 'x', '--env-file', '/nope', '--title', 'a b', '--', 'true']
    const { code, stdout, stderr } = await runFile(join(folder, 'vsmcp'), argv)
    expect({ code, stderr, argv: stdout === '' ? undefined : (JSON.parse(stdout) as unknown) }).toEqual({
      code: 0,
      stderr: '',
      argv,
    })
  })

  it('keeps options that are named like those of Node for itself, in a checkout', async () => {
    const command = fileURLToPath(new URL('../../../scripts/vsmcp', import.meta.url))
    const { code, stderr } = await runFile(command, [
      'attach',
      'x',
      '--env-file',
      '/nope',
      '--data-dir',
      await tempDir(),
      '--',
      'true',
    ])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('/nope cannot be read') as string })
  })

  it('answers, and ends with the exit code that scripts rely on', async () => {
    const { dataDir } = await fakeNode()
    const status = await vsmcpProcess(['status', '--json'], { dataDir })
    expect(status).toMatchObject({ code: 0, stderr: '' })
    expect(status.json()).toMatchObject({ node: { name: 'alpha' } })
    const none = await vsmcpProcess(['status', '--json'], { dataDir: await tempDir() })
    expect({ exit: none.code, stdout: none.stdout, code: none.error().code }).toEqual({
      exit: 3,
      stdout: '',
      code: 'VSMCP_API_NO_NODE',
    })
    expect((await vsmcpProcess(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('writes a large answer whole into a pipe', async () => {
    const { dataDir, control } = await fakeNode()
    control.onCall = () => Promise.resolve({ content: [{ type: 'text', text: 'x'.repeat(3_000_000) }] })
    const { stdout, code } = await vsmcpProcess(['call', 't'], { dataDir })
    expect({ code, length: stdout.length }).toEqual({ code: 0, length: 3_000_001 })
  })

  it('reads standard input', async () => {
    const { dataDir } = await fakeNode()
    const { stdout } = await vsmcpProcess(['call', 't', '--args', '-'], { dataDir, stdin: '{"a":1}' })
    expect(stdout).toBe('{"a":1}\n')
  })

  it('ends without a word when its reader has seen enough', async () => {
    const { dataDir, control } = await fakeNode()
    const line: LogLine = { time: 't', level: 'info', msg: 'x'.repeat(1_000) }
    control.nextLogLine = () => Promise.resolve(line)
    const child = spawn(process.execPath, [MAIN, 'logs', '--follow', '--json'], {
      env: { ...process.env, VSMCP_DATA_DIR: dataDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    const exited = once(child, 'exit')
    for await (const first of createInterface(child.stdout)) {
      expect(JSON.parse(first)).toEqual(control.log[0])
      break
    }
    child.stdout.destroy()
    expect(await exited).toEqual([0, null])
    expect(stderr).toBe('')
  })

  it('that is interrupted aborts what it asked for', async () => {
    const { dataDir, control } = await fakeNode()
    const begun = Promise.withResolvers<AbortSignal | undefined>()
    control.onCall = ({ signal }) => {
      begun.resolve(signal)
      return new Promise(() => {})
    }
    const child = spawn(process.execPath, [MAIN, 'call', 't'], {
      env: { ...process.env, VSMCP_DATA_DIR: dataDir },
      stdio: 'ignore',
    })
    const signal = await begun.promise
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    await exited
    await expect.poll(() => signal?.aborted).toBe(true)
  })

  it('does not load what it does not need', async () => {
    const { dataDir } = await fakeNode()
    const hook = `import { registerHooks } from 'node:module'
      registerHooks({ load: (url, context, next) => { console.error(url); return next(url, context) } })`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` }
    const { code, stderr } = await vsmcpProcess(['status', '--json'], { dataDir, env })
    expect(code).toBe(0)
    expect(stderr).toMatch(/commands\/status\.ts/)
    expect(stderr).not.toMatch(/commands\/attach\.ts|packages\/node\/|node_modules\/(zod|yaml|fastify|@?libp2p)/)
  })
})
