import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, it, onTestFinished } from 'vitest'

import { damageValue, flipped, torn } from '../../packages/store/test/support/damage.ts'
import { command, everything, LocalNode, meshOf, nth, statusOf } from './lib/world.ts'

interface Self {
  variety: {
    node: { calls: number; outcomes: Record<string, number> }
    unmet: { tool: string; calls: number; since: string; last: string }[]
  }
}

interface Forecast {
  series: { subject: string; measure: string; observed: number }[]
}

const CALLS = 3
/** Asked for in vain; found on disk in what is remembered of that and nowhere else. */
const MISSING = 'nobody__has_this'

const selfOf = async (node: LocalNode): Promise<Self> => (await node.vsmcp('self')) as Self

/** How many values of the group's number of units the forecaster has seen. */
async function unitsSeen(node: LocalNode): Promise<number> {
  const { series } = (await node.vsmcp('forecast')) as Forecast
  return series.find(({ subject, measure }) => subject === '(group)' && measure === 'units')?.observed ?? 0
}

/** Whether the node has given this to the operating system to write. The database's log is not compressed. */
function isOnDisk({ dataDir }: LocalNode, text: string): boolean {
  const database = join(dataDir, 'db')
  const logs = readdirSync(database).filter((name) => name.endsWith('.log'))
  return logs.some((name) => readFileSync(join(database, name)).includes(text))
}

interface LogLine {
  level: string
  msg: string
  fields: { part?: string; series?: string }
}

it('organs of a killed process go on from what is on disk; of what is damaged there nothing is believed, and it is said', async () => {
  const { nodes } = await meshOf('a')
  const first = nth(nodes, 0)
  await first.vsmcp('attach', 'kit', '--', ...everything)
  for (let i = 0; i < CALLS; i++) await first.vsmcp('call', 'kit__echo', '--args', '{"message":"x"}')
  expect((await command(first.dataDir, 'call', MISSING)).code).not.toBe(0)
  const before = await selfOf(first)
  expect(before.variety).toMatchObject({
    node: { calls: CALLS + 1, outcomes: { ok: CALLS } },
    unmet: [{ tool: MISSING, calls: 1 }],
  })
  const slow = { timeout: 40_000, interval: 250 }
  const marks = [MISSING, 'k!outlook!units (group)', 'k!checkpoints!bargain']
  await expect.poll(() => marks.filter((mark) => !isOnDisk(first, mark)), slow).toEqual([])

  const { args, start } = comesBack(first)
  await first.end('SIGKILL')
  const second = await start(args)
  const after = await selfOf(second)
  expect(after.variety.node).toEqual(before.variety.node)
  expect(after.variety.unmet).toEqual(before.variety.unmet)
  // One that begins afresh sees its second value 10 s after its start.
  expect(await unitsSeen(second)).toBeGreaterThanOrEqual(2)

  await second.end('SIGKILL')
  await damageValue(first.dataDir, { namespace: 'checkpoints', key: 'variety' }, flipped)
  await damageValue(first.dataDir, { namespace: 'checkpoints', key: 'bargain' }, torn)
  await damageValue(first.dataDir, { namespace: 'outlook', key: 'units (group)' }, flipped)
  const third = await start(args)
  expect((await selfOf(third)).variety).toMatchObject({ node: { calls: 0 }, unmet: [] })
  const { stdout } = await command(first.dataDir, 'logs', '--json')
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogLine)
  const told = lines.filter(({ level, msg }) => level === 'warn' && /cannot be read/.test(msg))
  expect(told.map(({ msg, fields: { part, series } }) => `${part ?? series}: ${msg}`).toSorted()).toEqual([
    'bargain: what the part knew cannot be read: it begins afresh',
    'units (group): a forecast of the last life cannot be read, and begins anew',
    'variety: what the part knew cannot be read: it begins afresh',
  ])
  await expect.poll(() => statusOf(third)).toMatchObject({ health: 'ok', problems: [] })

  // What is written from then on is believed again.
  await third.vsmcp('wait', '--tool', 'kit__echo')
  await third.vsmcp('call', 'kit__echo', '--args', '{"message":"x"}')
  await third.end('SIGTERM')
  const fourth = await start(args)
  expect((await selfOf(fourth)).variety.node).toMatchObject({ calls: 1, outcomes: { ok: 1 } })
}, 120_000)

function comesBack({ dataDir, sameAddresses }: LocalNode) {
  const start = async (args: readonly string[]): Promise<LocalNode> => {
    const node = await LocalNode.start(dataDir, 'a', args)
    onTestFinished(() => node.end('SIGTERM'))
    return node
  }
  return { args: sameAddresses, start }
}
