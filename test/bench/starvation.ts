import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'

import { createApiClient } from '../../packages/api/src/index.ts'
import { atMost, type Bench, type BenchContext } from './lib/bench.ts'
import { NO_SERF, withSerf } from './members/compare.ts'
import { type Group, GROUP, settled } from './members/group.ts'
import { startMeshGroup } from './members/mesh-group.ts'
import { startSerfGroup } from './members/serf-group.ts'

const HOGS = 4
const STRESS = '/usr/bin/stress-ng'

/** Runs processes that use all the processor they get, at the priority of everybody else. */
async function starve(minutes: number): Promise<void> {
  const child = spawn(STRESS, ['--cpu', String(HOGS), '--timeout', `${Math.round(minutes * 60)}s`], { stdio: 'ignore' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`stress-ng ended with ${code ?? 'a signal'}`)
}

/** @returns verdicts while the machine was starved */
async function verdictsOf(name: string, group: Group, context: BenchContext): Promise<number> {
  await settled(group)
  const before = (await group.verdicts()).length
  await starve(context.minutes)
  const said = (await group.verdicts()).slice(before)
  context.say(`${name}: ${said.length === 0 ? 'nobody declared failed' : said.join(', ')}`)
  return said.length
}

async function ours(folder: string, context: BenchContext): Promise<Record<string, number>> {
  const group = await startMeshGroup(folder)
  try {
    await settled(group)
    const terms = async (): Promise<number[]> =>
      Promise.all(group.nodes.map(async ({ dataDir }) => (await createApiClient({ dataDir }).status()).system5.term))
    const before = Math.max(...(await terms()))
    const failed = await verdictsOf('vsmcp', group, context)
    return { 'leader changes': Math.max(...(await terms())) - before, 'declared failed': failed }
  } finally {
    await group.stop()
  }
}

async function theirs(command: string, context: BenchContext): Promise<Record<string, number>> {
  const group = await startSerfGroup(command)
  try {
    return { 'declared failed': await verdictsOf('serf', group, context) }
  } finally {
    await group.stop()
  }
}

export const starvationBench: Bench = {
  name: 'starvation',
  title: `${GROUP} nodes beside ${HOGS} processes that use all the processor they get: leader changes, members declared failed`,
  async run(context) {
    if (!existsSync(STRESS)) throw new Error('stress-ng is not on this machine (Debian: stress-ng)')
    const { subjects, hasSerf } = await withSerf(
      context,
      (folder) => ours(folder, context),
      (command) => theirs(command, context),
    )
    const [first] = subjects
    return {
      basis: `${context.minutes} minutes each`,
      subjects,
      targets: [
        atMost('leader changes', first?.figures['leader changes'] ?? Number.NaN, 0),
        atMost('members declared failed', first?.figures['declared failed'] ?? Number.NaN, 0),
      ],
      notes: [
        'A leader change is a rise of the term; a verdict is one member entering "failed" in the log of another.',
        ...(hasSerf ? [] : [NO_SERF]),
      ],
    }
  },
}
