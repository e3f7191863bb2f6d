import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { run } from '../../../scripts/lib/run.ts'

/** A server under test must answer within this. */
const READY_TIMEOUT_MS = 30_000
const POLL_MS = 50

/** Everything measured runs as it would in production. */
export const productionEnv = (extra: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  ...extra,
  NODE_ENV: 'production',
})

export interface Started {
  child: ChildProcess
  /** What its first line on stdout said; empty for a server that was waited for by its port. */
  line: string
}

/** Starts a Node program that prints one line when it serves. */
export async function startUntilLine(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Started> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(READY_TIMEOUT_MS) })) as [string]
  return { child, line }
}

/** Starts a Node program that says nothing of use, and asks its address until somebody answers. */
export async function startUntilAnswers(args: readonly string[], url: string, env: NodeJS.ProcessEnv): Promise<Started> {
  const child = spawn(process.execPath, args, { env, stdio: 'ignore' })
  const until = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < until) {
    const answered = await fetch(url, { method: 'OPTIONS' }).then(
      async (response) => {
        await response.arrayBuffer()
        return true
      },
      () => false,
    )
    if (answered) return { child, line: '' }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  child.kill('SIGKILL')
  throw new Error(`nothing answered at ${url} within ${READY_TIMEOUT_MS} ms`)
}

export async function stop({ child }: Started): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(timer)
}

/** Runs a Node program that prints its result as one line of JSON. */
export async function runForJson(args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run(process.execPath, args, { env: productionEnv() })
  if (code !== 0) throw new Error(`${args[0] ?? ''} ended with ${code ?? 'a signal'}: ${stderr}`)
  return JSON.parse(stdout)
}
