import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { controlSocketPath, createApiServer } from '@vsmcp/api'
import { FakeControl } from '@vsmcp/api/testing'
import { onTestFinished } from 'vitest'
import { run } from '../src/program.ts'

export const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

export async function tempDir(prefix = 'cli-'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), prefix))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A node of plain data behind the real control API. */
export async function fakeNode(): Promise<{ control: FakeControl; dataDir: string }> {
  const dataDir = await tempDir()
  const control = new FakeControl()
  control.dataDir = dataDir
  const server = createApiServer({
    control,
    dataDir,
    socketPath: controlSocketPath(dataDir),
    mcpHandler: (_, response) => response.writeHead(404).end(),
  })
  await server.start()
  onTestFinished(() => server.stop())
  return { control, dataDir }
}

export interface Outcome {
  code: number
  stdout: string
  stderr: string
  /** Of stdout. */
  json: () => unknown
  /** What `--json` says on stderr. */
  error: () => { code: string; message: string; hint?: string }
}

export interface RunOptions {
  dataDir?: string
  cwd?: string
  env?: Record<string, string>
  stdin?: string
  /** What the streams claim to be. */
  terminal?: { isTTY: true; columns: number }
}

/** Runs a command line in this process, its streams captured. */
export async function vsmcp(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const stdout = new Capture()
  const stderr = new Capture()
  Object.assign(stdout, options.terminal)
  Object.assign(stderr, options.terminal)
  const code = await run({
    argv,
    env: { HOME: '/home/nobody', ...(options.dataDir === undefined ? {} : { VSMCP_DATA_DIR: options.dataDir }), ...options.env },
    cwd: options.cwd ?? '/',
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout,
    stderr,
  })
  return outcome(code, stdout.text, stderr.text)
}

/** Runs the command as a process of its own. */
export async function vsmcpProcess(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(process.execPath, ['--', MAIN, ...argv], {
    cwd: options.cwd ?? '/',
    env: { ...process.env, ...(options.dataDir === undefined ? {} : { VSMCP_DATA_DIR: options.dataDir }), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.end(options.stdin ?? '')
  const code = await new Promise<number>((resolve) => child.once('close', (number) => resolve(number ?? -1)))
  return outcome(code, stdout, stderr)
}

function outcome(code: number, stdout: string, stderr: string): Outcome {
  return {
    code,
    stdout,
    stderr,
    json: () => JSON.parse(stdout) as unknown,
    error: () => (JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: ReturnType<Outcome['error']> }).error,
  }
}

class Capture extends Writable {
  text = ''

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}
