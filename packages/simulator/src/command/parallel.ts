import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { addTotals, noTotals, type Totals } from '../totals.ts'
import { type Failure, type Report, REPORT_EVERY } from './lives.ts'

/**
 * Spreads seeds over processes. `onProgress` comes with the sums so far, and with a failure as soon as there is one. Throws when a process
 * ends by itself, for instance for want of memory, and says among which seeds.
 */
export async function liveInParallel(
  { from, count, jobs }: { from: number; count: number; jobs: number },
  onProgress: (totals: Totals, failure?: Failure) => void,
): Promise<{ totals: Totals; failures: Failure[] }> {
  const totals = noTotals()
  const failures: Failure[] = []
  await Promise.all(
    Array.from({ length: jobs }, async (_, job) => {
      const mine = Math.ceil((count - job) / jobs)
      if (mine <= 0) return
      const worker = fileURLToPath(new URL('./worker.ts', import.meta.url))
      const child = spawn(process.execPath, [worker, 'lives', String(from + job), String(mine), String(jobs)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
      let lived = 0
      for await (const line of createInterface({ input: child.stdout })) {
        const report = JSON.parse(line) as Report
        if ('failure' in report) {
          failures.push(report.failure)
          onProgress(totals, report.failure)
          continue
        }
        lived += report.totals.lives
        addTotals(totals, report.totals)
        onProgress(totals)
      }
      const status = await ended
      if (status === 0) return
      const at = from + job + lived * jobs
      throw new Error(
        `a process of lives ended with ${status ?? 'a signal'}: of seeds ${at}, ${at + jobs} and on in steps of ${jobs}, one within ${REPORT_EVERY}`,
      )
    }),
  )
  return { totals, failures: failures.sort((a, b) => a.seed - b.seed) }
}
