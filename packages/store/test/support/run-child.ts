import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

export interface Child {
  process: ChildProcessByStdio<Writable, Readable, null>
  lines: AsyncIterator<string>
  /** SIGKILL, and gone. @returns the lines it had still written */
  kill(): Promise<string[]>
}

/** Killed after the test at the latest. */
export function runChild(task: 'hold' | 'write', dir: string): Child {
  const child = spawn(process.execPath, [CHILD, task, dir], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const kill = async (): Promise<string[]> => {
    child.kill('SIGKILL')
    await exited
    const rest: string[] = []
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) rest.push(next.value)
    return rest
  }
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await exited
  })
  return { process: child, lines, kill }
}
