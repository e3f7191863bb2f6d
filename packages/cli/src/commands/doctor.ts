import { NoNodeError } from '@vsmcp/api'
import type { DoctorReport } from '@vsmcp/node'
import { VERSION } from '../constants.ts'
import { type Check, checkProgram, checkWithoutNode } from '../doctor/local-checks.ts'
import { UnhealthyError } from '../errors.ts'
import type { Session } from '../session.ts'
import { count } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { displayWidth } from '../terminal/width.ts'
import { type Define, examples, notes } from './command.ts'

const MARKS = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const

export const define: Define = (command, open) => {
  command
    .addHelpText(
      'after',
      notes(
        'Asks the running node; where none runs it checks what can be checked without: data directory, membership, ports,',
        'disk, clock, versions. Exit code 1 when a check fails.',
      ),
    )
    .addHelpText('after', examples('vsmcp doctor', 'vsmcp doctor --json | jq \'.checks[] | select(.state != "ok")\''))
    .action(async () => {
      const session = open(command)
      const { terminal } = session
      const report: DoctorReport = { checks: await terminal.during('looking', examine(session)) }
      terminal.answer(report, ({ checks }) => render(checks, terminal))
      const failed = report.checks.filter(({ state }) => state === 'fail')
      if (failed.length > 0) {
        throw new UnhealthyError(`${count(failed.length, 'check')} failed: ${failed.map(({ name }) => name).join(', ')}`, {
          hint: 'The advice stands beside each.',
        })
      }
    })
}

async function examine(session: Session): Promise<Check[]> {
  try {
    const [{ version }, { checks }] = await Promise.all([session.node.status(), session.node.doctor()])
    return [checkProgram(), checkVersion(version), ...checks]
  } catch (error) {
    if (error instanceof NoNodeError) return checkWithoutNode(session)
    throw error
  }
}

function checkVersion(running: string): Check {
  const name = 'running version'
  if (running === VERSION) return { name, state: 'ok', found: `the node runs ${running}, as this command` }
  const advice = 'Restart the node with "vsmcp down && vsmcp up --detach".'
  return { name, state: 'warn', found: `the node runs ${running}, this command is ${VERSION}`, advice }
}

function render(checks: readonly Check[], terminal: Terminal): string {
  const width = Math.max(...checks.map(({ name }) => displayWidth(name)))
  return checks
    .flatMap(({ name, state, found, advice }) => {
      const [style, mark] = MARKS[state]
      const pad = ' '.repeat(width - displayWidth(name))
      const line = `${terminal.style(style, mark)}  ${name}${pad}  ${printableLine(found)}`
      return advice === undefined || state === 'ok' ? [line] : [line, `${' '.repeat(width + 8)}${printableLine(advice)}`]
    })
    .join('\n')
}
