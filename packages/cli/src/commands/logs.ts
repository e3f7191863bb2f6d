import { systemClock } from '@vsmcp/kernel'
import type { LogLine } from '@vsmcp/node'
import { duration } from '../options.ts'
import { UsageError } from '../errors.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples } from './command.ts'

interface Options {
  follow?: boolean
  since?: number
}

const LEVEL_STYLE = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' } as const

export const define: Define = (command, open) => {
  command
    .argument('[unit]', 'only what concerns this unit, its stderr included')
    .option('-f, --follow', 'go on with new lines as they come')
    .option('--since <when>', 'only from then on: 10m, 2h, or a time such as 2026-01-31T08:00:00Z', sinceMs)
    .addHelpText(
      'after',
      examples('vsmcp logs --since 10m', 'vsmcp logs files --follow', 'vsmcp logs --json | jq \'select(.level == "error")\''),
    )
    .action(async (unit: string | undefined, { follow = false, since }: Options) => {
      const { node, terminal } = open(command)
      const lines = node.logs({
        follow,
        ...(unit === undefined ? {} : { unit }),
        ...(since === undefined ? {} : { sinceMs: since }),
      })
      for await (const line of lines) await terminal.line(terminal.json ? JSON.stringify(line) : render(line, terminal))
    })
}

/** A duration counts back from now; anything else is a time. */
function sinceMs(text: string): number {
  const time = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return time
  try {
    return Math.max(0, Math.floor(systemClock.wallMs() - duration('--since')(text)))
  } catch (cause) {
    const hint = 'Write how long ago (10m, 2h) or a time (2026-01-31T08:00:00Z).'
    throw new UsageError(`--since: "${text}" is neither a duration nor a time`, { hint, cause })
  }
}

function render(line: LogLine, terminal: Terminal): string {
  const level = terminal.style(LEVEL_STYLE[line.level], line.level.padEnd(5))
  const unit = line.unit === undefined ? '' : ` ${terminal.style('bold', printableLine(line.unit))}:`
  const fields = Object.entries(line.fields ?? {}).map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return ` ${terminal.style('dim', `${printableLine(key)}=`)}${printableLine(text)}`
  })
  return `${terminal.style('dim', line.time)} ${level}${unit} ${printableLine(line.msg)}${fields.join('')}`
}
