import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { LogLine } from '@vsmcp/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fakeNode, MAIN, tempDir, vsmcpProcess } from './helpers.ts'

describe('the command as a process', () => {
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
