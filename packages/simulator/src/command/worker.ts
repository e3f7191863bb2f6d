/**
 * A process of its own for lives: `lives FROM COUNT STEP` reports each failure and sums, a line of JSON each; `until-failure MAX` lives
 * seeds from 1 until one fails, and says which; `nested NODES SEED MS` measures one mesh of nested groups.
 */
import { liveAll } from './lives.ts'
import { measureSize } from './nested-size.ts'

const [task, ...rest] = process.argv.slice(2)
const [first = 1, count = 0, step = 1] = rest.map(Number)
const asJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

if (task === 'nested') asJson(measureSize(first, count, step))
else if (task === 'until-failure') {
  let seed = 1
  let [caught] = liveAll({ from: seed, count: 1, step: 1 }).failures
  while (caught === undefined && seed < first) [caught] = liveAll({ from: ++seed, count: 1, step: 1 }).failures
  asJson({ caught })
} else liveAll({ from: first, count, step }, asJson)
