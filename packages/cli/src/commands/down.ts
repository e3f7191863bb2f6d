import { NoNodeError } from '@vsmcp/api'
import { OutcomeUnknownError } from '@vsmcp/kernel'
import { DOWN_TIMEOUT_MS } from '../constants.ts'
import { durationOption } from '../options.ts'
import { processEnd } from '../process-end.ts'
import type { Session } from '../session.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .addOption(durationOption('--timeout <duration>', 'give up waiting after this', DOWN_TIMEOUT_MS))
    .addHelpText(
      'after',
      notes(
        'The node finishes the calls in flight, hands over leadership and ends, as on SIGTERM; answers when its',
        'process is gone. It stays a member: "vsmcp up" brings it back. "vsmcp leave" is for good.',
      ),
    )
    .addHelpText('after', examples('vsmcp down', 'vsmcp down --data-dir /srv/vsmcp --timeout 2m'))
    .action(async ({ timeout }: { timeout: number }) => {
      const session = open(command)
      const { terminal } = session
      const pid = await terminal.during(
        'stopping the node',
        stop(session, timeout, () => session.node.shutdown()),
      )
      terminal.answer({ stopped: true, pid }, () => `stopped (process ${pid})`)
    })
}

/** Asks for the end and waits for it. @returns the pid that was */
export async function stop({ node }: Session, timeoutMs: number, ask: () => Promise<void>): Promise<number> {
  const { pid } = (await node.status()).node
  try {
    await ask()
  } catch (error) {
    // The process may be gone before its answer is: that is what was asked for.
    if (!(error instanceof OutcomeUnknownError) && !(error instanceof NoNodeError)) throw error
  }
  await processEnd(pid, timeoutMs)
  return pid
}
