import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { NodeStatus } from '@vsmcp/node'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { processEnd } from '../src/process-end.ts'
import { MAIN, type Outcome, tempDir, vsmcp, vsmcpProcess } from './helpers.ts'

// The real node, from init to down. Only what has to be a process of its own is one: each loads the whole node.

const PORTS = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0']

beforeAll(() => import('@vsmcp/node'))

async function enrolled(): Promise<string> {
  const dataDir = await tempDir()
  expect((await vsmcp(['init', '--name', 'm', '--json'], { dataDir })).json()).toMatchObject({ meshName: 'm', dataDir })
  return dataDir
}

async function statusOf(dataDir: string): Promise<NodeStatus> {
  return (await vsmcp(['status', '--json'], { dataDir })).json() as NodeStatus
}

/** A node in the foreground, killed at the end of the test whatever happens. */
function foreground(
  dataDir: string,
  ...argv: string[]
): { child: ChildProcess; firstLine: Promise<string>; ended: Promise<unknown[]> } {
  const child = spawn(process.execPath, [MAIN, 'up', ...PORTS, ...argv], {
    env: { ...process.env, VSMCP_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stderr.resume()
  const firstLine = once(createInterface(child.stdout), 'line').then(([line]) => String(line))
  return { child, firstLine, ended: once(child, 'exit') }
}

async function detached(dataDir: string, ...argv: string[]): Promise<Outcome> {
  const outcome = await vsmcpProcess(['up', '--detach', '--json', ...PORTS, ...argv], { dataDir })
  onTestFinished(async () => void (await vsmcp(['down'], { dataDir })))
  return outcome
}

/** A port of 127.0.0.1 that somebody else listens on. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

const checksOf = (outcome: Outcome): Record<string, string> => {
  const { checks } = outcome.json() as { checks: { name: string; state: string }[] }
  return Object.fromEntries(checks.map(({ name, state }) => [name, state]))
}

describe('init', () => {
  it('leaves a directory alone in which somebody keeps files', async () => {
    const dataDir = await tempDir()
    await chmod(dataDir, 0o755)
    await writeFile(join(dataDir, 'thesis.txt'), 'years')
    const { code, error } = await vsmcp(['init', '--json'], { dataDir })
    expect(code).toBe(2)
    expect(error()).toMatchObject({
      code: 'VSMCP_INVALID_ARGUMENT',
      message: expect.stringContaining('"thesis.txt"'),
      hint: expect.stringContaining('--data-dir'),
    })
    expect((await stat(dataDir)).mode & 0o777).toBe(0o755)
    expect(await readdir(dataDir)).toEqual(['thesis.txt'])
  })

  it('takes a directory that holds its configuration, and what an init cut off left', async () => {
    const dataDir = await tempDir()
    await writeFile(join(dataDir, 'vsmcp.yaml'), 'name: plant-7')
    await mkdir(join(dataDir, 'logs'))
    await writeFile(join(dataDir, 'creating.0000.tmp'), '')
    expect((await vsmcp(['init', '--name', 'm'], { dataDir })).code).toBe(0)
  })
})

describe('up', () => {
  it('in the foreground says in one line that it serves, and ends in order on SIGTERM', async () => {
    const dataDir = await enrolled()
    const { child, firstLine, ended } = foreground(dataDir, '--json', '--name', 'alpha')
    const ready = JSON.parse(await firstLine) as Record<string, unknown>
    expect(Object.keys(ready)).toEqual(['ready', 'peerId', 'name', 'mcp', 'listen'])
    expect(ready).toMatchObject({ ready: true, name: 'alpha', mcp: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/) })
    expect(await vsmcp(['wait', '--leader'], { dataDir })).toMatchObject({ code: 0 })
    expect((await statusOf(dataDir)).node).toMatchObject({ name: 'alpha', peerId: ready['peerId'], pid: child.pid })
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect((await vsmcp(['status'], { dataDir })).code).toBe(3)
  })

  it('detached returns once it serves, refuses a second one, goes down and comes back as the same node', async () => {
    const dataDir = await enrolled()
    const first = await detached(dataDir)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    const { pid } = (await statusOf(dataDir)).node
    const second = await vsmcp(['up', '--json', ...PORTS], { dataDir })
    expect({ exit: second.code, code: second.error().code }).toEqual({ exit: 1, code: 'VSMCP_STORE_LOCKED' })
    expect((await vsmcp(['join', 'x', '--json'], { dataDir })).error()).toMatchObject({ code: 'VSMCP_CLI_NODE_RUNNING' })
    expect((await vsmcp(['down', '--json'], { dataDir })).json()).toEqual({ stopped: true, pid })
    await processEnd(pid, 0)
    expect((await vsmcp(['down'], { dataDir })).code).toBe(3)
    const again = await detached(dataDir)
    expect(again.json()).toMatchObject({ peerId: (first.json() as { peerId: string }).peerId })
  })

  it('killed by SIGKILL leaves a socket and a lock that its successor takes over', async () => {
    const dataDir = await enrolled()
    await detached(dataDir)
    process.kill((await statusOf(dataDir)).node.pid, 'SIGKILL')
    await expect.poll(async () => (await vsmcp(['status'], { dataDir })).code).toBe(3)
    const output = join(dataDir, 'logs', 'up.out')
    await appendFile(output, 'what it said last\n')
    expect((await detached(dataDir)).code).toBe(0)
    expect(await readFile(output, 'utf8')).toContain('what it said last\n')
    expect((await statusOf(dataDir)).mesh.name).toBe('m')
  })

  it('names the port that is taken and the option that changes it, also detached', async () => {
    const dataDir = await enrolled()
    const taken = `127.0.0.1:${await takenPort()}`
    const http = await vsmcp(['up', '--json', '--listen', '127.0.0.1:0', '--http', taken], { dataDir })
    const listen = await vsmcpProcess(['up', '--detach', '--json', '--listen', taken, '--http', '127.0.0.1:0'], { dataDir })
    for (const [outcome, option] of [
      [http, '--http'],
      [listen, '--listen'],
    ] as const) {
      expect({ exit: outcome.code, ...outcome.error() }).toMatchObject({
        exit: 1,
        code: 'VSMCP_CLI_PORT_TAKEN',
        message: `port ${taken.slice('127.0.0.1:'.length)} is taken by another process`,
        hint: expect.stringContaining(option),
      })
    }
  })

  it('in a directory without a mesh says what to do first, in the foreground and detached', async () => {
    const dataDir = await tempDir()
    const detach = ['up', '--detach', '--json']
    const runs = [
      vsmcp(['up', '--json'], { dataDir }),
      vsmcpProcess(detach, { dataDir }),
      vsmcp(detach, { dataDir: join(dataDir, 'none') }),
    ]
    for (const { code, error } of await Promise.all(runs)) {
      expect({ exit: code, ...error() }).toMatchObject({
        exit: 1,
        code: 'VSMCP_CLI_NO_MESH',
        hint: expect.stringContaining('vsmcp init'),
      })
    }
  })

  it('refuses wrong configuration before anything is started', async () => {
    const dataDir = await enrolled()
    const open = await vsmcp(['up', '--json', '--http', '0.0.0.0:0'], { dataDir })
    expect({ exit: open.code, ...open.error() }).toMatchObject({
      exit: 2,
      code: 'VSMCP_CLI_CONFIG',
      hint: expect.stringContaining('--http-token-file'),
    })
    const variable = await vsmcp(['up', '--json'], { dataDir, env: { VSMCP_PROFILE: 'egde' } })
    expect({ exit: variable.code, ...variable.error() }).toMatchObject({
      exit: 2,
      message: 'VSMCP_PROFILE: mesh or edge is needed',
    })
  })
})

it('mcp serves the running node on stdin and stdout, doctor asks it; without one, mcp exits with 3 and doctor looks around', async () => {
  const dataDir = await enrolled()
  expect((await vsmcp(['mcp', '--json'], { dataDir })).code).toBe(3)
  const without = await vsmcp(['doctor', '--json'], { dataDir, env: { VSMCP_LISTEN: '127.0.0.1:0', VSMCP_HTTP: '127.0.0.1:0' } })
  expect(without.code).toBe(0)
  expect(checksOf(without)).toMatchObject({
    node: 'warn',
    'data directory': 'ok',
    membership: 'ok',
    'port 0': 'ok',
    disk: 'ok',
    clock: 'ok',
  })

  await detached(dataDir)
  await vsmcp(['wait', '--leader'], { dataDir })
  const asked = checksOf(await vsmcp(['doctor', '--json'], { dataDir }))
  expect(asked).toMatchObject({ program: 'ok', 'running version': 'ok', 'System 5': 'warn' })
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }
  const messages = [
    { jsonrpc: '2.0', id: 1, method: 'initialize', params: hello },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 2, method: 'tools/list' },
  ]
  const stdin = messages.map((message) => `${JSON.stringify(message)}\n`).join('')
  const { code, stdout, stderr } = await vsmcpProcess(['mcp'], { dataDir, stdin })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const answers = stdout.trim().split('\n')
  expect(answers.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { id: 1, result: { serverInfo: { name: 'vsmcp' } } },
    { id: 2, result: { tools: [{ name: 'vsmcp__alert' }] } },
  ])
})

it('doctor fails for a directory that others can read, and for a taken port', async () => {
  const dataDir = await tempDir()
  await chmod(dataDir, 0o755)
  const port = await takenPort()
  const env = { VSMCP_LISTEN: `127.0.0.1:${port}`, VSMCP_HTTP: '127.0.0.1:0' }
  const { code, error } = await vsmcp(['doctor', '--json'], { dataDir, env })
  expect(code).toBe(1)
  expect(error()).toMatchObject({ code: 'VSMCP_CLI_UNHEALTHY', message: `2 checks failed: data directory, port ${port}` })
})

it('join enrols with a token from anywhere, says for each address why it was not reached, and never repeats the token', async () => {
  const dataDir = await enrolled()
  await detached(dataDir)
  await vsmcp(['wait', '--leader'], { dataDir })
  const token = (await vsmcp(['invite', '--uses', '2'], { dataDir })).stdout.trim()
  const joined = await vsmcp(['join', '-', '--json'], { dataDir: await tempDir(), stdin: `${token}\n` })
  expect({ code: joined.code, stderr: joined.stderr }).toEqual({ code: 0, stderr: '' })
  expect(joined.json()).toMatchObject({ meshName: 'm', role: 'member', joinedNow: true })
  const cut = await vsmcp(['join', token.slice(0, -1), '--json'], { dataDir: await tempDir() })
  expect(cut.code).toBe(2)

  await vsmcp(['down'], { dataDir })
  const env = { VSMCP_JOIN_TOKEN: token }
  const failed = await vsmcp(['join', '--json', '--timeout', '5s'], { dataDir: await tempDir(), env })
  const people = await vsmcp(['join', token], { dataDir: await tempDir() })
  expect(failed.code).toBe(1)
  const why = /\/ip4\/127\.0\.0\.1\/tcp\/\d+\S*: connection refused/
  expect(failed.error().message).toMatch(why)
  expect(people.stderr).toMatch(why)
  for (const { stdout, stderr } of [joined, cut, failed, people]) expect(stdout + stderr).not.toContain(token.slice(0, 40))
})
