/**
 * `pnpm soak [NAME] [ROUNDS [SEED]]`: the long runs that `npm test` has no time for, by default the kill storm. Prints its seed;
 * the same seed brings the same faults in the same order.
 */
import { ensureBuilt } from '../../scripts/build.ts'
import { killStorm } from './kill-storm.ts'
import { partitionSoak } from './partitions.ts'

const RUNS = { 'kill-storm': killStorm, partitions: partitionSoak }
const isName = (word: string | undefined): word is keyof typeof RUNS => word !== undefined && word in RUNS

const words = process.argv.slice(2)
const name = isName(words[0]) ? words[0] : 'kill-storm'
const [rounds = '100', seed = String(Date.now() % 1_000_000)] = isName(words[0]) ? words.slice(1) : words
if (!/^\d+$/.test(rounds) || !/^\d+$/.test(seed)) {
  console.error(`usage: pnpm soak [${Object.keys(RUNS).join('|')}] [ROUNDS [SEED]]`)
  process.exitCode = 2
} else {
  await ensureBuilt({ say: (line) => console.error(line) })
  process.exitCode = await RUNS[name]({ rounds: Number(rounds), seed: Number(seed) })
}
