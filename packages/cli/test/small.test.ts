import { readdirSync, readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VERSION } from '../src/constants.ts'
import { resolveDataDir } from '../src/data-dir.ts'
import { processEnd } from '../src/process-end.ts'
import { readHttpToken } from '../src/up/http-token.ts'
import { explainPort } from '../src/up/port-taken.ts'
import { tempDir } from './helpers.ts'

it('the version is the one of the manifest', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  expect(VERSION).toBe(manifest.version)
})

it('exit codes and HTTP statuses are given to error codes that exist', () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
  const listed = new Set([...read('../../../docs/errors.md').matchAll(/^\| `(VSMCP_\w+)`/gm)].map(([, code]) => code))
  const routes = readdirSync(new URL('../../api/src/', import.meta.url)).filter((name) => /routes?\.ts$/.test(name))
  expect(routes).toContain('group-routes.ts')
  const paths = ['../src/exit-code.ts', '../../api/src/http-status.ts', ...routes.map((name) => `../../api/src/${name}`)]
  const named = paths.flatMap((path) => [...read(path).matchAll(/\bVSMCP_[A-Z0-9_]+\b/g)].map(([code]) => code))
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((code) => !listed.has(code))).toEqual([])
})

describe('the data directory', () => {
  it.each([
    ['/flag', { VSMCP_DATA_DIR: '/env' }, '/flag'],
    ['flag', {}, '/cwd/flag'],
    [undefined, { VSMCP_DATA_DIR: 'env' }, '/cwd/env'],
    [undefined, { VSMCP_DATA_DIR: '', XDG_STATE_HOME: '/state' }, '/state/vsmcp'],
    [undefined, { XDG_STATE_HOME: 'relative', HOME: '/home/a' }, '/home/a/.local/state/vsmcp'],
  ])('%s, %j → %s', (flag, env, directory) => {
    expect(resolveDataDir(flag, env, '/cwd')).toBe(directory)
  })

  it('that is named by nothing is refused', () => {
    expect(() => resolveDataDir('', {}, '/')).toThrow('--data-dir is empty')
  })
})

describe('a taken port', () => {
  it('is named with the option that changes it, however deep the error says it', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const second = createServer().listen(port, '127.0.0.1')
    const [taken] = (await once(second, 'error')) as [Error]
    const deep = new Error('could not start', { cause: new AggregateError([new Error('x'), new Error('y', { cause: taken })]) })
    expect(explainPort(deep, { http: port })).toMatchObject({
      code: 'VSMCP_CLI_PORT_TAKEN',
      message: `port ${port} is taken by another process`,
      hint: expect.stringContaining('--http'),
    })
    expect(explainPort(new Error(taken.message), { http: 1 })).toMatchObject({ hint: expect.stringContaining('--listen') })
  })

  it('is not seen where there is none', () => {
    const error = new Error('something else')
    expect(explainPort(error, { http: 1 })).toBe(error)
  })
})

describe('the token of the MCP endpoint', () => {
  it('is what the file holds, without the line break; a file open to others is warned of', async () => {
    const file = join(await tempDir(), 'token')
    const warnings: string[] = []
    const warn = (text: string): void => void warnings.push(text)
    await writeFile(file, `${'a1'.repeat(16)}\n`, { mode: 0o600 })
    expect(await readHttpToken(file, warn)).toBe('a1'.repeat(16))
    expect(warnings).toEqual([])
    await chmod(file, 0o644)
    await readHttpToken(file, warn)
    expect(warnings).toEqual([expect.stringContaining('chmod 600')])
  })

  it.each(['', 'short', 'two words of a token', `${'a'.repeat(20)}\n${'b'.repeat(20)}`])(
    'is refused when it is %j',
    async (content) => {
      const file = join(await tempDir(), 'token')
      await writeFile(file, content)
      await expect(readHttpToken(file, () => {})).rejects.toMatchObject({ code: 'VSMCP_CLI_FILE' })
    },
  )
})

describe('the end of a process', () => {
  it('is waited for, and a zombie counts as gone', async () => {
    // The shell never looks after its child, so that becomes a zombie.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    await processEnd(Number(String(line)), 10_000)
    expect(parent.exitCode).toBeNull()
  })

  it('is not waited for for ever', async () => {
    await expect(processEnd(process.pid, 60)).rejects.toMatchObject({ code: 'VSMCP_TIMEOUT' })
  })
})
