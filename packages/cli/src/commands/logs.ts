import { NodeError, NoNodeError } from '@vsmcp/api'
import { systemClock } from '@vsmcp/kernel'
import type { LogLine, LogsRequest } from '@vsmcp/node'
import { duration } from '../options.ts'
import { UsageError } from '../errors.ts'
import type { Session } from '../session.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes } from './command.ts'

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
    .addHelpText('after', notes('Where no node runs, the log files that the last one left in the data directory are read.'))
    .addHelpText(
      'after',
      examples('vsmcp logs --since 10m', 'vsmcp logs files --follow', 'vsmcp logs --json | jq \'select(.level == "error")\''),
    )
    .action(async (unit: string | undefined, { follow = false, since }: Options) => {
      const session = open(command)
      const request = {
        follow,
        ...(unit === undefined ? {} : { unit }),
        ...(since === undefined ? {} : { sinceMs: since }),
      }
      let shown = 0
      const show = async (line: LogLine): Promise<void> => {
        shown++
        await session.terminal.line(session.terminal.json ? JSON.stringify(line) : render(line, session.terminal))
      }
      try {
        if (unit !== undefined && follow) await warnOfUnknown(unit, session)
        for await (const line of session.node.logs(request)) await show(line)
        if (unit !== undefined && shown === 0) await refuseUnknown(unit, session)
      } catch (error) {
        if (!(error instanceof NoNodeError) || shown > 0) throw error
        await showFiles(session, request, { show, noNode: error })
      }
    })
}

/** Where no node runs, which is after a death, too, its files tell. With nothing there, or to follow, a node is missing. */
async function showFiles(
  { dataDir, terminal }: Session,
  { unit, ...request }: LogsRequest,
  { show, noNode }: { show: (line: LogLine) => Promise<void>; noNode: NoNodeError },
): Promise<void> {
  const { readLogFiles } = await import('@vsmcp/node')
  const units = new Set<string>()
  let any = false
  for await (const line of readLogFiles(dataDir, { follow: false })) {
    if (!any) terminal.remark(`No node is running on ${dataDir}; this is what the last ones wrote.`)
    any = true
    if (line.unit !== undefined) units.add(line.unit)
    const wanted = unit === undefined || line.unit === unit
    if (wanted && (request.sinceMs === undefined || Date.parse(line.time) >= request.sinceMs)) await show(line)
  }
  if (!any || request.follow) throw noNode
  if (unit !== undefined && !units.has(unit)) throw unknown(unit, [...units])
}

async function refuseUnknown(name: string, { node }: Session): Promise<void> {
  const units = await node.units()
  const unit = units.find((each) => each.name === name)
  if (unit === undefined) throw unknown(name, [...new Set(units.map((each) => each.name))])
  if (unit.local) return
  throw new NodeError({
    code: UNIT_UNKNOWN,
    message: `unit ${name} is attached to the node ${unit.nodeName}, and so are its logs`,
    hint: `Run "vsmcp logs ${name}" there.`,
  })
}

/** It may be attached while its log is followed. */
async function warnOfUnknown(name: string, session: Session): Promise<void> {
  try {
    await refuseUnknown(name, session)
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    session.terminal.warn(error.message)
  }
}

const UNIT_UNKNOWN = 'VSMCP_NODE_UNIT_UNKNOWN'

function unknown(name: string, known: readonly string[]): NodeError {
  const hint = known.length === 0 ? 'No units are known here.' : `Known here: ${[...known].sort().join(', ')}.`
  return new NodeError({ code: UNIT_UNKNOWN, message: `there is no unit ${name}, and nothing of it is in the log`, hint })
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
