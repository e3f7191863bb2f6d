import { resolve } from 'node:path'
import { systemClock } from '@vsmcp/kernel'
import type { CharterView, PolicyChangeView } from '@vsmcp/node'
import type { Command } from 'commander'
import { readInput } from '../input.ts'
import { parsePolicies } from '../operator/policy-file.ts'
import { addSigningOptions, openSigner, type SigningOptions } from '../operator/signing.ts'
import { type GroupOption, groupOption, inGroup, wholeNumber } from '../options.ts'
import { addCommonOptions } from '../session.ts'
import { formatAgo } from '../terminal/format.ts'
import { printable, printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'

export const define: Define = (command, open) => {
  command.description('Show, set and look back at the policies of the group. Without a word, they are shown.')
  command.enablePositionalOptions().helpCommand(false)
  defineShow(addCommonOptions(command.command('show', { isDefault: true })), open)
  defineSet(addCommonOptions(command.command('set')), open)
  defineHistory(addCommonOptions(command.command('history')), open)
  command.addHelpText(
    'after',
    examples('vsmcp policy show', 'vsmcp policy set policies.yaml --reason "one retry less"', 'vsmcp policy history'),
  )
}

/** What `policy show` and `policy history` answer. */
const shown = ({ policyVersion, policies, current }: CharterView) => ({ version: policyVersion, policies, current })

function defineShow(command: Command, open: Open): void {
  command
    .summary('show the policies in force and their version')
    .description('Show the policies in force. Their version is what "policy set --expect" names.')
    .addOption(groupOption())
    .addHelpText(
      'after',
      examples(
        'vsmcp policy show',
        'vsmcp policy show --group /eu/plant-7',
        "vsmcp policy show --json | jq '.policies' > policies.json",
      ),
    )
    .action(async (options: GroupOption) => {
      const { node, terminal } = open(command)
      const charter = await terminal.during('asking the group', node.charter(inGroup(options)))
      warnIfAlone(charter, terminal)
      terminal.answer(shown(charter), ({ policies }) => printable(JSON.stringify(policies, null, 2)))
      terminal.remark(`Version ${charter.policyVersion}.`)
    })
}

function defineSet(command: Command, open: Open): void {
  addSigningOptions(command)
    .summary('replace the policies by what a file says')
    .description('Replace all policies by what a YAML or JSON file says, signed by an operator.')
    .argument('<file>', 'names and values; - for standard input')
    .option(
      '--expect <version>',
      'refuse if another version is in force (default: the one in force now)',
      wholeNumber('--expect', 1),
    )
    .addOption(groupOption())
    .addHelpText(
      'after',
      notes(
        'What is not in the file is no policy any more. When somebody else changes them between your look and your change,',
        'yours is refused: give --expect the version that "vsmcp policy show" told you.',
      ),
    )
    .addHelpText('after', examples('vsmcp policy set policies.yaml --expect 4 --reason "one retry less"'))
    .action(async (file: string, options: SigningOptions & GroupOption & { expect?: number }) => {
      const session = open(command)
      const { node, terminal, cwd } = session
      const path = file === '-' ? resolve(cwd, 'standard input') : resolve(cwd, file)
      const policies = parsePolicies(await readInput(file, session), path)
      const charter = await terminal.during('asking the group', node.charter(inGroup(options)))
      const expects = options.expect ?? charter.policyVersion
      const { signer, ...signed } = await openSigner(options, session, charter)
      const change = signer.sign({ op: 'policy:set', policies, expects, ...signed } as const)
      const { changed } = await terminal.during('asking the group', node.changeCharter({ ...change, ...inGroup(options) }))
      terminal.answer(
        { version: expects + 1, changed, by: signer.name },
        ({ version, by }) => `policies are at version ${version}, signed by ${by}`,
      )
    })
}

function defineHistory(command: Command, open: Open): void {
  command
    .summary('list the last 50 changes, with author and reason')
    .description('List the last 50 changes of the policies: who, when, why.')
    .addOption(groupOption())
    .addHelpText('after', examples('vsmcp policy history'))
    .action(async (options: GroupOption) => {
      const { node, terminal } = open(command)
      const charter = await terminal.during('asking the group', node.charter(inGroup(options)))
      warnIfAlone(charter, terminal)
      terminal.answer(charter.policyHistory, (history) => render(history, terminal))
    })
}

/** A node without a quorum tells what it knows, and that it may not be the newest. */
export function warnIfAlone({ current }: CharterView, terminal: Terminal): void {
  if (!current) terminal.warn('No quorum confirms this: it is what this node knew last.')
}

function render(history: readonly PolicyChangeView[], terminal: Terminal): string {
  if (history.length === 0) return 'the policies were never changed'
  const now = systemClock.wallMs()
  const rows = history.map(({ version, at, by, reason }) => [
    String(version),
    formatAgo(at, now),
    printableLine(by),
    printableLine(reason),
  ])
  return terminal.table(['VERSION', 'WHEN', 'BY', 'REASON'], rows)
}
