/**
 * `pnpm bench [name…] [--rounds N] [--minutes N]`: runs the benches named, or all, against the built bundle; writes
 * `test/bench/results/<name>.json` and `.md`. Exits with 1 when a target was missed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { ensureBuilt } from '../../scripts/build.ts'
import { algedonicBench } from './algedonic.ts'
import { algedonicLevelsBench } from './algedonic-levels.ts'
import { callBench } from './call.ts'
import { crashBench } from './crash.ts'
import { failoverBench } from './failover.ts'
import { handoverBench } from './handover.ts'
import { idleBench } from './idle.ts'
import { joinBench } from './join.ts'
import type { Bench } from './lib/bench.ts'
import { writeReport } from './lib/report.ts'
import { nestedBench } from './nested.ts'
import { pauseBench } from './pause.ts'
import { rpcBench } from './rpc.ts'
import { starvationBench } from './starvation.ts'
import { strangersBench } from './strangers.ts'
import { vsmBench } from './vsm.ts'
import { workersBench } from './workers.ts'

const ALL: readonly Bench[] = [
  callBench,
  rpcBench,
  failoverBench,
  pauseBench,
  handoverBench,
  crashBench,
  joinBench,
  starvationBench,
  idleBench,
  strangersBench,
  algedonicBench,
  algedonicLevelsBench,
  vsmBench,
  workersBench,
  nestedBench,
]

const say = (line: string): void => console.error(`bench: ${line}`)

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '3' }, minutes: { type: 'string', default: '10' } },
  })
  const unknown = positionals.filter((name) => !ALL.some((bench) => bench.name === name))
  const rounds = Number(values.rounds)
  const minutes = Number(values.minutes)
  if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1 || !(minutes > 0)) {
    say(`usage: pnpm bench [${ALL.map(({ name }) => name).join('|')}…] [--rounds N] [--minutes N]`)
    return 2
  }
  await ensureBuilt({ say })
  let missed = 0
  for (const bench of ALL.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    say(bench.title)
    const folder = mkdtempSync(join(tmpdir(), `vsmcp-bench-${bench.name}-`))
    try {
      const outcome = await bench.run({ rounds, minutes, folder, say })
      console.log(writeReport(bench, outcome, rounds))
      missed += outcome.targets.filter(({ met }) => !met).length
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return missed > 0 ? 1 : 0
}

process.exitCode = await main()
