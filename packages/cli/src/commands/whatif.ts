import { randomInt } from 'node:crypto'
import type { EstimateView, FutureFigures, FutureView } from '@vsmcp/node'
import { UsageError } from '../errors.ts'
import { collect, wholeNumber } from '../options.ts'
import { formatFigure, formatShare } from '../terminal/figure.ts'
import { formatLatency } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes } from './command.ts'

/** Seeds chosen by the command: short enough to be typed again. */
const SEED_MAX = 1_000_000

interface WhatIfOptions {
  without?: readonly string[]
  demand: number
  slow?: readonly string[]
  seed?: number
}

export const define: Define = (command, open) => {
  command
    .option('--without <node>', 'this node is gone; may be given several times', collect)
    .option('--demand <factor>', 'so many times the calls there are now, such as x2', factorOf('--demand'), 1)
    .option(
      '--slow <unit=factor>',
      'this unit takes so many times as long, such as files=x3; may be given several times',
      collect,
    )
    .option('--seed <n>', 'the same seed gives the same answer for the same measurements', wholeNumber('--seed', 0))
    .addHelpText(
      'after',
      notes(
        'A queueing model of each unit as its node measured it, simulated 20 times: calls come at random and wait their turn. What is after ± is',
        'half of a 95 % confidence interval of the simulation; that the model is right it does not say.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp whatif --demand x2',
        'vsmcp whatif --without mill --slow files=x3',
        "vsmcp whatif --demand x2 --json | jq '.units'",
      ),
    )
    .action(async ({ without = [], demand, slow = [], seed = randomInt(SEED_MAX) }: WhatIfOptions) => {
      const { node, terminal } = open(command)
      const asked = node.whatIf({ without: [...without], demand, slow: slowed(slow), seed })
      terminal.answer(await terminal.during('simulating', asked), (future) => render(future, terminal))
    })
}

/** `x2`, `×2` and `2` are the same; the node says which factors are allowed. */
function factorOf(option: string): (text: string) => number {
  return (text) => {
    const [, digits] = /^[x×]?(\d{1,9}(?:\.\d{1,9})?)$/i.exec(text) ?? []
    if (digits !== undefined) return Number(digits)
    throw new UsageError(`${option}: "${text}" is no factor`, { hint: `Write ${option} x2.` })
  }
}

function slowed(options: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    options.map((option) => {
      const at = option.indexOf('=')
      if (at > 0) return [option.slice(0, at), factorOf('--slow')(option.slice(at + 1))] as const
      throw new UsageError(`--slow: "${option}" names no unit and factor`, { hint: 'Write --slow files=x3.' })
    }),
  )
}

function render({ units, unknown, assumptions, silentNodes, seed }: FutureView, terminal: Terminal): string {
  const rows = units.map(({ unit, node, callsPerS, servers, now, later }) => [
    unit,
    printableLine(node),
    formatFigure(callsPerS),
    String(servers),
    change(now, later, ({ latencyP50Ms }) => latencyP50Ms, formatLatency),
    change(now, later, ({ latencyP99Ms }) => latencyP99Ms, formatLatency),
    change(now, later, ({ utilisation }) => utilisation, formatShare),
    change(now, later, ({ refused }) => refused, formatShare),
  ])
  const table =
    rows.length === 0
      ? 'nothing can be simulated yet: no unit has been called often enough'
      : terminal.table(['UNIT', 'NODE', 'CALLS/S', 'AT ONCE', 'P50', 'P99', 'BUSY', 'REFUSED'], rows)
  const remarks = [
    ...(unknown.length === 0 ? [] : [`Too little is known of ${unknown.map(printableLine).join(', ')}.`]),
    ...(silentNodes.length === 0
      ? []
      : [`Without the units of ${silentNodes.map(printableLine).join(', ')}, which did not answer.`]),
    ...assumptions.map((each) => `Supposed of ${printableLine(each)}.`),
    `Seed ${seed}.`,
  ]
  return [table, ...remarks].join('\n')
}

type Pick = (figures: FutureFigures) => EstimateView | null

function change(now: FutureFigures, later: FutureFigures, pick: Pick, format: (value: number) => string): string {
  return `${estimate(pick(now), format)} → ${estimate(pick(later), format)}`
}

function estimate(value: EstimateView | null, format: (value: number) => string): string {
  if (value === null) return '-'
  const { mean, within } = value
  // What is a hundredth of the figure is no more than a rounding of it.
  return within <= Math.abs(mean) / 100 ? format(mean) : `${format(mean)} ± ${format(within)}`
}
