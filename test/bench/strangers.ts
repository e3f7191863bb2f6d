import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { startMesh, stopMesh } from '../../scripts/lib/local-mesh.ts'
import type { LoadOptions, LoadResult } from './call/load.ts'
import { atMost, type Bench, medians } from './lib/bench.ts'
import { runForJson } from './lib/processes.ts'
import { KINDS } from './strangers/flood.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const TOOL = 'lookup__lookup'
/** Calls one after the other, some seconds of them. */
const CALLS = 4_000
const NOBODY = 'nobody at the door'

interface Flood {
  /** Attempts so far. */
  attempts(): number
  stop(): Promise<void>
}

async function flood(kind: string, address: string): Promise<Flood> {
  const child = spawn(process.execPath, [here('./strangers/flood.ts'), kind, address], { stdio: ['ignore', 'pipe', 'inherit'] })
  let attempts = 0
  const lines = createInterface(child.stdout).on(
    'line',
    (line) => (attempts = (JSON.parse(line) as { attempts: number }).attempts),
  )
  await once(lines, 'line')
  return {
    attempts: () => attempts,
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

export const strangersBench: Bench = {
  name: 'strangers',
  title: 'A member’s calls while strangers try the door of the node it calls at',
  async run(context) {
    const { rounds, folder } = context
    const counts = `${folder}/counts`
    mkdirSync(counts)
    const nodes = await startMesh(`${folder}/mesh`, ['a', 'b'])
    try {
      const [a, b] = nodes
      const address = a?.ready.listen[0]
      if (a === undefined || b === undefined || address === undefined) throw new Error('the mesh has not two nodes')
      const env = ['--env', `LOOKUP_COUNTS_FOLDER=${counts}`, '--env', 'NODE_ENV=production']
      await b.vsmcp('attach', 'lookup', ...env, '--', process.execPath, here('./call/stdio-server.ts'))
      await a.vsmcp('wait', '--tool', TOOL, '--timeout', '30s')
      let from = 0
      const calls = async (amount: number): Promise<LoadResult> => {
        const options: LoadOptions = { url: a.ready.mcp, tool: TOOL, era: 'modern', inFlight: 1, amount, from }
        from += amount
        const result = (await runForJson([here('./call/load.ts'), JSON.stringify(options)])) as LoadResult
        if (result.answered !== amount || result.wrong > 0 || result.errors > 0) throw new Error(JSON.stringify(result))
        return result
      }
      await calls(2 * CALLS)
      const names = [NOBODY, ...Object.keys(KINDS)]
      const measured = new Map<string, Record<string, number>[]>(names.map((name) => [name, []]))
      for (let round = 0; round < rounds; round++) {
        for (const name of names) {
          const strangers = name === NOBODY ? undefined : await flood(name, address)
          const started = performance.now()
          try {
            const { p50Ms, p99Ms } = await calls(CALLS)
            const seconds = (performance.now() - started) / 1_000
            const figures = { 'p50 ms': p50Ms, 'p99 ms': p99Ms, 'attempts/s': (strangers?.attempts() ?? 0) / seconds }
            measured.get(name)?.push(figures)
            context.say(`round ${round + 1}: ${name}: ${JSON.stringify(figures)}`)
          } finally {
            await strangers?.stop()
          }
        }
      }
      const subjects = names.map((name) => ({ name, figures: medians(measured.get(name) ?? []) }))
      const quiet = subjects[0]?.figures['p50 ms'] ?? Number.NaN
      return {
        subjects,
        targets: subjects
          .slice(1)
          .map(({ name, figures }) => atMost(`p50 with ${name} ÷ with nobody`, (figures['p50 ms'] ?? Number.NaN) / quiet, 2)),
        notes: [
          'Calls one after the other at node a of a tool at node b. The stranger is a process of its own that tries without a pause, 8 attempts at once: on two cores it takes its share of the machine, too.',
        ],
      }
    } finally {
      await stopMesh(nodes)
    }
  },
}
