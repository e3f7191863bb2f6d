/**
 * `pnpm soak [ROUNDS [SEED]]`: the long runs that `npm test` has no time for. Prints its seed; the same seed kills the same
 * nodes in the same order.
 */
import { ensureBuilt } from '../../scripts/build.ts'
import { killStorm } from './kill-storm.ts'

const [rounds = '100', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)
await ensureBuilt({ say: (line) => console.error(line) })
process.exitCode = await killStorm({ rounds: Number(rounds), seed: Number(seed) })
