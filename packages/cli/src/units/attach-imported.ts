import { resolve } from 'node:path'
import { type ErrorShape, toErrorShape } from '@vsmcp/kernel'
import type { AttachResult } from '@vsmcp/node'
import { PartlyFailedError } from '../errors.ts'
import { readText } from '../input.ts'
import type { Session } from '../session.ts'
import { count } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { type ImportedUnit, parseClientFile } from './client-file.ts'
import { renderAttached } from './render-attached.ts'
import { toRequest } from './request.ts'

/** What became of each server of the file; `--json` prints a list of these. */
export interface ImportOutcome {
  nameThere: string
  name?: string
  outcome: AttachResult['outcome'] | 'failed' | 'skipped'
  unit?: AttachResult['unit']
  /** Why it was skipped, and what else a person should know. */
  notes: string[]
  error?: ErrorShape
}

/** `attach --import`: all servers of an MCP client's file, side by side, each on its own. */
export async function attachImported(session: Session, options: { file: string; replace: boolean }): Promise<void> {
  const { cwd, env, terminal } = session
  const file = resolve(cwd, options.file)
  const { units, skipped } = parseClientFile(await readText(file), file, { cwd, env })
  const attaching = Promise.all(units.map((unit) => attach(session, unit, options.replace)))
  const outcomes: ImportOutcome[] = [
    ...(await terminal.during(`starting ${count(units.length, 'server')}`, attaching)),
    ...skipped.map(({ nameThere, why }) => ({ nameThere, outcome: 'skipped' as const, notes: [why] })),
  ]
  terminal.answer(outcomes, (all) => all.map(render).join('\n'))
  const failed = outcomes.filter(({ outcome }) => outcome === 'failed')
  if (failed.length > 0) {
    const names = failed.map(({ nameThere }) => nameThere).join(', ')
    throw new PartlyFailedError(`${count(failed.length, 'server')} of ${file} could not be attached: ${names}`, {
      hint: 'The others are attached; the same command again tries these once more.',
    })
  }
}

async function attach(session: Session, imported: ImportedUnit, replace: boolean): Promise<ImportOutcome> {
  const { name, nameThere, unit, notes } = imported
  const warn = (text: string): void => void notes.push(text)
  try {
    const request = await toRequest(name, unit, { base: session.cwd, env: session.env, warn })
    return { nameThere, name, notes, ...(await session.node.attach({ ...request, replace })) }
  } catch (error) {
    return { nameThere, name, outcome: 'failed', notes, error: toErrorShape(error) }
  }
}

function render({ nameThere, name, outcome, unit, notes, error }: ImportOutcome): string {
  const first =
    unit !== undefined && outcome !== 'failed' && outcome !== 'skipped'
      ? renderAttached({ outcome, unit })
      : `${name ?? nameThere}: ${outcome}${error === undefined ? '' : `: ${printableLine(error.message)}`}`
  return [first, ...notes.map((note) => `  ${printableLine(note)}`)].join('\n')
}
