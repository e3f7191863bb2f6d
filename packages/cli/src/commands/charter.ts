import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf } from '@vsmcp/kernel'
import type { CharterView } from '@vsmcp/node'
import type { Command } from 'commander'
import { FileError } from '../errors.ts'
import { readInput } from '../input.ts'
import { type GroupOption, groupOption, inGroup, wholeNumber } from '../options.ts'
import { addCommonOptions } from '../session.ts'
import { count } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import { type Define, examples, notes, type Open } from './command.ts'
import { warnIfAlone } from './policy.ts'

export const define: Define = (command, open) => {
  command.description('Show, export and verify the charter: what System 5 has decided. Without a word, it is shown.')
  command.enablePositionalOptions().helpCommand(false)
  defineShow(addCommonOptions(command.command('show', { isDefault: true })), open)
  defineExport(addCommonOptions(command.command('export')), open)
  defineVerify(addCommonOptions(command.command('verify')), open)
  command.addHelpText(
    'after',
    examples('vsmcp charter show', 'vsmcp charter export charter.json', 'vsmcp charter verify charter.json'),
  )
}

function defineShow(command: Command, open: Open): void {
  command
    .summary('show the charter and how it is certified')
    .addHelpText('after', examples('vsmcp charter show', "vsmcp charter show --json | jq '.revocations'"))
    .action(async () => {
      const { node, terminal } = open(command)
      const charter = await terminal.during('asking the group', node.charter())
      warnIfAlone(charter, terminal)
      terminal.answer(charter, render)
    })
}

function defineExport(command: Command, open: Open): void {
  command
    .summary('write the charter to a file that anybody can verify offline')
    .description('Write the charter, its chain of voters and its certificate to a file. It holds no secret.')
    .argument('<file>', 'where to; - for standard output')
    .addOption(groupOption())
    .addHelpText('after', examples('vsmcp charter export charter.json'))
    .action(async (file: string, options: GroupOption) => {
      const { node, terminal, cwd } = open(command)
      const exported = await terminal.during('asking the group', node.exportCharter(inGroup(options)))
      if (file === '-') {
        terminal.answer(JSON.parse(exported.file) as unknown, () => exported.file.trimEnd())
        return
      }
      const path = resolve(cwd, file)
      try {
        await writeFile(path, exported.file)
      } catch (cause) {
        throw new FileError(`${path} cannot be written: ${messageOf(cause)}`, { cause })
      }
      terminal.answer({ exported: path }, () => `exported to ${path}`)
    })
}

function defineVerify(command: Command, open: Open): void {
  command
    .summary('verify a charter file, offline')
    .description(
      'Verify a charter file alone, offline: from the mesh key along the certified changes of voters to its certificate.',
    )
    .argument('<file>', 'as "vsmcp charter export" wrote it; - for standard input')
    .option('--mesh <id>', 'the mesh it must be of (default: that of the data directory, if there is one)')
    .option('--at-least <index>', 'an index that is known: an older charter is refused', wholeNumber('--at-least', 1))
    .addHelpText(
      'after',
      notes('Without --mesh and without a mesh in the data directory, compare the id it prints with the one you know.'),
    )
    .addHelpText('after', examples('vsmcp charter verify charter.json --mesh 3f9c2a…'))
    .action(async (file: string, { mesh, atLeast }: { mesh?: string; atLeast?: number }) => {
      const session = open(command)
      const { terminal, dataDir } = session
      const text = await readInput(file, session)
      const { knownChain, readCharterFile } = await import('@vsmcp/node')
      const known = mesh === undefined ? await knownChain(dataDir) : undefined
      const verified = readCharterFile(text, {
        ...(mesh !== undefined && { mesh }),
        ...(atLeast !== undefined && { atLeast }),
        ...(known !== undefined && { known }),
      })
      const { charter, index, digest, by, signers } = verified
      const answer = {
        valid: true,
        mesh: { id: charter.meshId, name: charter.meshName },
        group: { id: charter.groupId, path: charter.path },
        epoch: charter.epoch,
        index,
        digest,
        certifiedBy: by,
        signers: [...signers],
        voters: [...charter.voters],
      }
      terminal.answer(answer, (valid) =>
        [
          `genuine: the charter of ${printableLine(valid.mesh.name)} as of index ${index}`,
          renderPairs(
            [
              ['mesh', valid.mesh.id],
              ['group', printableLine(valid.group.path)],
              ['by', HOW[by]],
              ['voters', count(valid.voters.length, 'voter')],
              ['digest', digest],
            ],
            '  ',
          ),
        ].join('\n'),
      )
    })
}

const HOW = {
  'mesh-key': 'the mesh key',
  grant: 'the voters of the group above',
  link: 'a certified change of voters',
  certificate: 'a certificate of the voters',
} as const

function render(charter: CharterView): string {
  const { mesh, group, epoch, index, digest, certifiedBy, voters, policies, policyVersion, operators, revocations } = charter
  return [
    renderPairs([
      ['mesh', `${printableLine(mesh.name)}  ${mesh.id}`],
      ['group', group.path],
      ['as of', `epoch ${epoch}, index ${index}, feature level ${charter.featureLevel}`],
      ['digest', digest],
      ['certified', certifiedBy === null ? 'not yet: a majority of the voters must sign' : `by ${HOW[certifiedBy]}`],
      ['voters', voters.join('\n          ')],
      ['policies', `${Object.keys(policies).length}, version ${policyVersion}`],
      ['operators', operators.map(({ name }) => printableLine(name)).join(', ') || 'none'],
      ['revoked', revocations.length === 0 ? 'nobody' : count(revocations.length, 'peer')],
    ]),
    ...revocations.map(({ peerId, by, reason }) => `  ${peerId} by ${printableLine(by)}: ${printableLine(reason)}`),
  ].join('\n')
}
