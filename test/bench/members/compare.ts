import { mkdirSync } from 'node:fs'

import type { BenchContext, Subject } from '../lib/bench.ts'
import { findSerf, serfVersion } from './serf-agent.ts'

export const NO_SERF = 'Serf is not on this machine (Debian: serf), so it was not run.'

/** Measures ours, then Serf with its defaults when this machine has it. */
export async function withSerf(
  context: BenchContext,
  ours: (folder: string) => Promise<Record<string, number>>,
  theirs: (command: string) => Promise<Record<string, number>>,
): Promise<{ subjects: Subject[]; hasSerf: boolean }> {
  const folder = `${context.folder}/vsmcp`
  mkdirSync(folder)
  const subjects: Subject[] = [{ name: 'vsmcp', figures: await ours(folder) }]
  const serf = findSerf()
  if (serf === undefined) return { subjects, hasSerf: false }
  const version = await serfVersion(serf)
  subjects.push({ name: `serf ${version}, its defaults`, figures: await theirs(serf) })
  return { subjects, hasSerf: true }
}

/** "6.1 s / 0.29 s = 21 ×", for the notes. */
export function ratio(subjects: readonly Subject[], figure: string): string[] {
  const [ours, theirs] = subjects.map(({ figures }) => figures[figure])
  if (ours === undefined || theirs === undefined) return []
  return [`${figure}: theirs / ours = ${(theirs / ours).toPrecision(2)}.`]
}
