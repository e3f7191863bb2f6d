import { spawn, type SpawnOptions } from 'node:child_process'

export interface RunResult {
  /** Exit code; 128 plus the signal's number is not attempted: a signal gives `null`. */
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions extends Pick<SpawnOptions, 'cwd' | 'env'> {
  /** Show the output as it comes instead of collecting it. @default false */
  show?: boolean
  /** The process is killed after this. @default 600_000 */
  timeoutMs?: number
}

/** Runs a program to its end. Never rejects for a failing program, only for one that cannot be started. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { show = false, timeoutMs = 600_000, ...rest } = options
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>()
  const child = spawn(command, args, {
    ...rest,
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  const result: RunResult = { code: null, stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (result.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (result.stderr += text))
  child.once('error', reject)
  child.once('close', (code) => resolve({ ...result, code }))
  return promise
}
