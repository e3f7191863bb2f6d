import { resolve } from 'node:path'
import type { OperatorView } from '@vsmcp/node'
import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import { type GroupOption, groupOption, inGroup } from '../options.ts'
import { addSigningOptions, openSigner, type SigningOptions } from '../operator/signing.ts'
import { addCommonOptions } from '../session.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'
import { warnIfAlone } from './policy.ts'

interface AddOptions extends SigningOptions, GroupOption {
  publicKey?: string
  new?: string
  recovery?: boolean
}

export const define: Define = (command, open) => {
  command.description('List, add and remove operators: who may change policies, evict members, and name other operators.')
  command.enablePositionalOptions().helpCommand(false)
  defineList(addCommonOptions(command.command('ls', { isDefault: true })), open)
  defineAdd(addCommonOptions(command.command('add')), open)
  defineRemove(addCommonOptions(command.command('rm')), open)
  command.addHelpText(
    'after',
    examples(
      'vsmcp operator ls',
      'vsmcp operator add maria --new maria.key --reason "on call from May"',
      'vsmcp operator rm maria --reason "left"',
    ),
  )
}

function defineList(command: Command, open: Open): void {
  command
    .summary('list the operators')
    .description('List the operators that the charter names.')
    .addOption(groupOption())
    .addHelpText('after', examples('vsmcp operator ls', 'vsmcp operator ls --group /eu/plant-7'))
    .action(async (options: GroupOption) => {
      const { node, terminal } = open(command)
      const charter = await terminal.during('asking the group', node.charter(inGroup(options)))
      warnIfAlone(charter, terminal)
      terminal.answer(charter.operators, (operators) => render(operators, terminal))
    })
}

function defineAdd(command: Command, open: Open): void {
  addSigningOptions(command)
    .summary('name another operator')
    .description('Name another operator, by a public key or by a new key in a file.')
    .argument('<name>', 'what the charter calls the operator')
    .option('--public-key <key>', 'base64url of an Ed25519 public key')
    .option('--new <file>', 'make a key and write it to this file, for the new operator alone')
    .option('--recovery', 'may also recover the group after its quorum was lost')
    .addOption(groupOption())
    .addHelpText('after', notes('With --new the key is made here: give the file to the operator, and keep no copy.'))
    .addHelpText('after', examples('vsmcp operator add maria --public-key K9b… --reason "on call from May"'))
    .action(async (name: string, options: AddOptions) => {
      const session = open(command)
      const { node, terminal, cwd } = session
      if ((options.publicKey === undefined) === (options.new === undefined)) {
        throw new UsageError('either --public-key or --new is needed', { hint: 'See "vsmcp operator add --help".' })
      }
      const charter = await terminal.during('asking the group', node.charter(inGroup(options)))
      const { signer, ...signed } = await openSigner(options, session, charter)
      const { newOperatorKey } = await import('@vsmcp/node')
      const publicKey = options.publicKey ?? (await newOperatorKey(resolve(cwd, options.new ?? '')))
      const added = { name, publicKey, ...(options.recovery === true && { recovery: true }) }
      const change = signer.sign({ op: 'operator:add', ...added, expects: charter.operatorsVersion, ...signed } as const)
      await terminal.during('asking the group', node.changeCharter({ ...change, ...inGroup(options) }))
      terminal.answer({ ...added, recovery: options.recovery ?? false }, () => `${name} is an operator; public key ${publicKey}`)
    })
}

function defineRemove(command: Command, open: Open): void {
  addSigningOptions(command)
    .summary('remove an operator')
    .description('Remove an operator. The last one goes only by the mesh key (--operator-key mesh.key).')
    .argument('<name>', 'as "vsmcp operator ls" lists it')
    .addOption(groupOption())
    .addHelpText('after', examples('vsmcp operator rm maria --reason "left the team"'))
    .action(async (name: string, options: SigningOptions & GroupOption) => {
      const session = open(command)
      const { node, terminal } = session
      const charter = await terminal.during('asking the group', node.charter(inGroup(options)))
      const { signer, ...signed } = await openSigner(options, session, charter)
      const change = signer.sign({ op: 'operator:remove', name, expects: charter.operatorsVersion, ...signed } as const)
      await terminal.during('asking the group', node.changeCharter({ ...change, ...inGroup(options) }))
      terminal.answer({ removed: name }, () => `${name} is no operator any more`)
    })
}

function render(operators: readonly OperatorView[], terminal: Terminal): string {
  if (operators.length === 0) return 'no operators: the mesh key alone signs'
  const rows = operators.map(({ name, publicKey, recovery }) => [
    printableLine(name),
    recovery ? 'decides, recovers' : 'decides',
    printableLine(publicKey),
  ])
  return terminal.table(['NAME', 'MAY', 'PUBLIC KEY'], rows)
}
