import { access } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { NoNodeError } from '@vsmcp/api'
import { systemClock } from '@vsmcp/kernel'
import type { WaitConditions, WaitResult } from '@vsmcp/node'
import { POLL_PERIOD_MS, WAIT_TIMEOUT_MS } from '../constants.ts'
import { durationOption, wholeNumber } from '../options.ts'
import type { Session } from '../session.ts'
import { formatDuration } from '../terminal/format.ts'
import { type Define, examples, notes } from './command.ts'

interface Options {
  members?: number
  leader?: boolean
  tool?: string
  timeout: number
}

export const define: Define = (command, open) => {
  command
    .option('--members <n>', 'at least so many members are alive, this node included', wholeNumber('--members', 1))
    .option('--leader', 'the group has a System 5')
    .option('--tool <name>', 'a tool of this name is listed and its unit is ready')
    .addOption(durationOption('--timeout <duration>', 'give up after this', WAIT_TIMEOUT_MS))
    .addHelpText(
      'after',
      notes(
        'Without a condition it waits for the node to answer. A node that is still starting is waited',
        'for, too. Exit code 7 when the time is over.',
      ),
    )
    .addHelpText('after', examples('vsmcp wait --members 3 --leader', 'vsmcp wait --tool read_file --timeout 2m'))
    .action(async ({ timeout, ...conditions }: Options) => {
      const session = open(command)
      const waiting = waitFor(session, { ...conditions, timeoutMs: timeout })
      const result = await session.terminal.during('waiting', waiting)
      session.terminal.answer(result, ({ waitedMs }) => `it is so, after ${formatDuration(waitedMs)}`)
    })
}

/** Also waits for the node itself, where there is a data directory for it. */
async function waitFor({ node, dataDir }: Session, conditions: WaitConditions): Promise<WaitResult> {
  const began = systemClock.monotonicMs()
  const spent = (): number => systemClock.monotonicMs() - began
  for (;;) {
    try {
      const { waitedMs } = await node.wait({ ...conditions, timeoutMs: Math.max(1, conditions.timeoutMs - spent()) })
      return { waitedMs: Math.max(waitedMs, Math.round(spent())) }
    } catch (error) {
      const left = conditions.timeoutMs - spent()
      if (!(error instanceof NoNodeError) || left <= 0 || !(await exists(dataDir))) throw error
      await delay(Math.min(POLL_PERIOD_MS, left))
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
