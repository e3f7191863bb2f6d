import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { LocalNode, startMesh, stopMesh } from '../../scripts/lib/local-mesh.ts'
import { atMost, type Bench, medians, type Subject } from './lib/bench.ts'
import { productionEnv } from './lib/processes.ts'
import { processTree, type ProcessUse } from './lib/proc.ts'

const stdioServer = fileURLToPath(new URL('./call/stdio-server.ts', import.meta.url))

/** What a start leaves to be collected is gone by then. */
const SETTLE_MS = 15_000
/** Long enough for a clock that counts hundredths to show 0.1 %. */
const WINDOW_MS = 30_000

const NAMES = ['a', 'b', 'c']

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The node's own processes: all that descend from it but the attached server. */
const ownProcesses = (pid: number): ProcessUse[] => processTree(pid).filter(({ command }) => !command.includes(stdioServer))

interface Idle extends Record<string, number> {
  'resident MB': number
  'CPU % of a core': number
  processes: number
}

/** Looks at trees of processes over one window, all at once. */
async function observe(pids: readonly number[]): Promise<Idle[]> {
  await wait(SETTLE_MS)
  const cpu = (processes: readonly ProcessUse[]): number => processes.reduce((sum, { cpuS }) => sum + cpuS, 0)
  const before = pids.map((pid) => cpu(ownProcesses(pid)))
  const started = performance.now()
  await wait(WINDOW_MS)
  const seconds = (performance.now() - started) / 1_000
  return pids.map((pid, i) => {
    const processes = ownProcesses(pid)
    return {
      'resident MB': processes.reduce((sum, { residentMB }) => sum + residentMB, 0),
      'CPU % of a core': ((cpu(processes) - (before[i] ?? 0)) / seconds) * 100,
      processes: processes.length,
    }
  })
}

/** The floor: a Node process that does nothing at all. */
async function emptyNode(): Promise<Subject> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1e9)'], {
    env: productionEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const started = performance.now()
  await once(child.stdout, 'data')
  const readyMs = performance.now() - started
  try {
    const [figures] = await observe([child.pid ?? 0])
    return { name: 'an empty Node process', figures: { ...figures, 'ready ms': readyMs } }
  } finally {
    child.kill('SIGKILL')
  }
}

async function measureRound(folder: string): Promise<Record<string, number>> {
  const nodes = await startMesh(folder, NAMES)
  try {
    // Ready is measured on a restart: what `up` takes when nothing is new and nobody else is starting.
    const readyMs: number[] = []
    for (const [i, node] of nodes.entries()) {
      await node.end('SIGTERM')
      const again = await LocalNode.start(node.dataDir, node.ready.name)
      nodes[i] = again
      readyMs.push(again.readyMs)
      await again.vsmcp('wait', '--members', String(NAMES.length), '--leader', '--timeout', '30s')
    }
    for (const node of nodes) await node.vsmcp('attach', `lookup-${node.ready.name}`, '--', process.execPath, stdioServer)
    const figures = await observe(nodes.map(({ pid }) => pid))
    return {
      ...medians(figures),
      'ready ms': Math.max(...readyMs),
      'worst resident MB': Math.max(...figures.map((one) => one['resident MB'])),
    }
  } finally {
    await stopMesh(nodes)
  }
}

export const idleBench: Bench = {
  name: 'idle',
  title: 'A node as packaged, idle in a mesh of three, one server attached',
  async run(context) {
    const rounds: Record<string, number>[] = []
    for (let round = 0; round < context.rounds; round++) {
      rounds.push(await measureRound(`${context.folder}/${round}`))
      context.say(`round ${round + 1}: ${JSON.stringify(rounds.at(-1))}`)
    }
    const ours = medians(rounds)
    return {
      subjects: [{ name: 'vsmcp node', figures: ours }, await emptyNode()],
      targets: [
        atMost('resident, all its processes but the attached server', ours['resident MB'] ?? Number.NaN, 130, ' MB'),
        atMost('CPU of a core, idle', ours['CPU % of a core'] ?? Number.NaN, 2, ' %'),
        atMost('from the start of `up` to its ready line, the slowest of three', ours['ready ms'] ?? Number.NaN, 1_500, ' ms'),
      ],
      notes: [
        `CPU over ${WINDOW_MS / 1_000} s, after ${SETTLE_MS / 1_000} s to settle; resident is VmRSS, added up over the processes.`,
      ],
    }
  },
}
