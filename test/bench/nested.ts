import type { SizeFigures } from '../../packages/simulator/src/command/nested-size.ts'
import { measureSizes, ROWS } from '../../packages/simulator/src/command/nested.ts'

import { atMost, type Bench } from './lib/bench.ts'

const SIZES = [10, 100, 1_000, 10_000]
const SEED = 1
/** Simulated milliseconds of daily work. */
const MEASURED_MS = 60_000

export const nestedBench: Bench = {
  name: 'nested',
  title: 'Nested groups, simulated, from 10 to 10,000 nodes',
  async run(context) {
    const all = await measureSizes(SIZES, { seed: SEED, measuredMs: MEASURED_MS }, (figures) =>
      context.say(JSON.stringify(figures)),
    )
    const [base, largest] = [sized(all, 100), sized(all, 10_000)]
    const ratio = (what: string, of: (figures: SizeFigures) => number, max: number) =>
      atMost(`${what}, 10,000 nodes / 100`, of(largest) / of(base), max, ' ×')
    return {
      basis: `one run of seed ${SEED}, ${MEASURED_MS / 1_000} simulated seconds of daily work after 20 to settle`,
      subjects: all.map((figures) => ({
        name: `${figures.nodes.toLocaleString('en')} nodes`,
        figures: Object.fromEntries(
          ROWS.flatMap(({ what, of }) => (of(figures) === undefined ? [] : [[what, of(figures)]])),
        ) as Record<string, number>,
      })),
      targets: [
        atMost('CPU for 60 simulated seconds of 10,000 nodes', largest.cpuPerS * 60, 600, ' s'),
        ratio('stored state of a node, median', ({ storedBytes }) => storedBytes.median, 2),
        ratio('stored state of a node, mean', ({ storedBytes }) => storedBytes.mean, 2),
        ratio('stored state of a node, most', ({ storedBytes }) => storedBytes.max, 2),
        ratio('bytes sent without calls, mean', ({ governingBytesPerS }) => governingBytesPerS.mean, 1.25),
        ratio('connections, mean', ({ connections }) => connections.mean, 1.25),
        atMost('killed process known to its group, 10,000 nodes', largest.killedKnownMs ?? Number.NaN, 2_000, ' ms'),
      ],
      notes: [
        'Each node runs the real failure detector, Raft core and organs in each group in which it has a seat; network and clock are simulated (1 to 5 ms one way, 1 to 3 ms for an fsync).',
        'Stored is all that a node keeps of its groups: docket and charter, log, document, records, members. Sizes of messages are those of MessagePack.',
        'A node calls a tool every five seconds, one in twenty anywhere in the mesh. Calls across groups go by delegates, so the few nodes at the top carry more of them the more there are.',
        'The node that keeps and sends most is one of a group just below the root: filters of what is below are full there. They are of one size, so it ends at the bound of a record (16 KiB) for each child.',
      ],
    }
  },
}

function sized(all: readonly SizeFigures[], nodes: number): SizeFigures {
  const found = all.find((figures) => figures.nodes === nodes)
  if (found === undefined) throw new Error(`no run of ${nodes} nodes`)
  return found
}
