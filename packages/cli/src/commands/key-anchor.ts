import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf, VsmcpError } from '@vsmcp/kernel'
import type { SignedAnchor } from '@vsmcp/node'
import type { Command } from 'commander'
import { FileError, UsageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { type GroupOption, groupOption, inGroup } from '../options.ts'
import type { Session } from '../session.ts'
import { count } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import { examples, notes, type Open } from './command.ts'

interface Options extends GroupOption {
  meshKey?: string
  charter?: string
  out?: string
  signed?: string
}

export function defineKeyAnchor(command: Command, open: Open): void {
  command
    .summary('shorten the chain of voters')
    .description('Shorten the chain of voters of a group: the mesh key signs for where it stands now.')
    .addOption(groupOption())
    .option('--mesh-key <file>', 'the mesh\'s key, when it is not in the data directory ("vsmcp key export")')
    .option('--charter <file>', 'sign offline, without a node: for the charter that "vsmcp charter export" wrote')
    .option('--out <file>', 'with --charter: where the signed anchor goes')
    .option('--signed <file>', 'hand in what was signed offline')
    .addHelpText(
      'after',
      notes(
        'Each change of voters is a link of the chain that every node shows, and 256 is all there is room for; "vsmcp status" says',
        'when it is time. An anchor stands for all links but the newest 16. Nothing else changes: no voter, no credential. Sign only',
        'for a charter whose index and voters other members show, too ("vsmcp charter show"): whoever was long away, or is new,',
        'believes what the mesh key says.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp key anchor --mesh-key /media/usb/mesh.key',
        'vsmcp charter export charter.json',
        'vsmcp key anchor --charter charter.json --mesh-key mesh.key --out anchor.json',
        'vsmcp key anchor --signed anchor.json',
      ),
    )
    .action(async (options: Options) => {
      const session = open(command)
      assertOneWay(options)
      if (options.signed !== undefined) return handIn(session, options.signed, inGroup(options))
      if (options.charter !== undefined) return signOffline(session, options)
      const { node, terminal } = session
      const { file } = await terminal.during('asking the node', node.exportCharter(inGroup(options)))
      const signed = await sign(session, file, options)
      const anchored = await terminal.during('asking the group', node.anchorChain({ anchor: signed.anchor, ...inGroup(options) }))
      terminal.answer({ ...without(signed), ...anchored }, () => after(anchored, signed))
    })
}

function assertOneWay({ meshKey, charter, out, signed, group }: Options): void {
  if (signed !== undefined && (meshKey ?? charter ?? out) !== undefined) {
    throw new UsageError('--signed hands in what is signed already: leave out --mesh-key, --charter and --out')
  }
  if (charter !== undefined && group !== undefined)
    throw new UsageError('the file of --charter says which group it is of: leave out --group')
  if ((charter === undefined) !== (out === undefined)) {
    throw new UsageError('--charter and --out go together: what is signed offline goes into a file', {
      hint: 'Without both, the running node is asked, and the anchor handed in at once.',
    })
  }
}

async function handIn(session: Session, path: string, group: GroupOption): Promise<void> {
  const { node, terminal } = session
  const { readAnchorFile } = await import('@vsmcp/node')
  const anchor = readAnchorFile(await readInput(path, session))
  const anchored = await terminal.during('asking the group', node.anchorChain({ anchor, ...group }))
  terminal.answer(anchored, () => after(anchored))
}

async function signOffline(session: Session, options: Options): Promise<void> {
  const { terminal, cwd } = session
  const { charter = '', out = '' } = options
  const signed = await sign(session, await readInput(charter, session), options)
  const { writeAnchorFile } = await import('@vsmcp/node')
  const path = resolve(cwd, out)
  try {
    await writeFile(path, writeAnchorFile(signed), { flag: 'wx' })
  } catch (cause) {
    throw new FileError(`${path} cannot be written: ${messageOf(cause)}`, { cause })
  }
  terminal.answer({ ...without(signed), file: path }, () =>
    [`signed, in ${path}`, renderPairs(linesOf(signed), '  '), `Next, on a member: vsmcp key anchor --signed ${out}`].join('\n'),
  )
}

async function sign({ dataDir, cwd }: Session, charterFile: string, { meshKey }: Options): Promise<SignedAnchor> {
  const { meshKeyFile, signAnchorOf } = await import('@vsmcp/node')
  if (meshKey !== undefined) return signAnchorOf(charterFile, resolve(cwd, meshKey))
  try {
    return await signAnchorOf(charterFile, meshKeyFile(dataDir))
  } catch (cause) {
    if (!(cause instanceof VsmcpError) || cause.code !== 'VSMCP_SECURITY_KEY_MISSING') throw cause
    throw new UsageError(`the key of the mesh is not in ${dataDir}`, {
      hint: 'It lies where the mesh was made, or where `vsmcp key export` put it: name that file with --mesh-key.',
      cause,
    })
  }
}

function without({ mesh, group, epoch, index, voters, links }: SignedAnchor): Omit<SignedAnchor, 'anchor'> {
  return { mesh, group, epoch, index, voters, links }
}

function after({ changed, links }: { changed: boolean; links: number }, signed?: SignedAnchor): string {
  const now = changed
    ? `the chain of voters has ${count(links, 'link')} now`
    : `the chain begins with this anchor already: ${count(links, 'link')}`
  return signed === undefined ? now : [now, renderPairs(linesOf(signed), '  ')].join('\n')
}

function linesOf({ mesh, group, epoch, index, voters, links }: SignedAnchor): [string, string][] {
  return [
    ['mesh', `${printableLine(mesh.name)}  ${mesh.id}`],
    ['group', printableLine(group.path)],
    ['as of', `epoch ${epoch}, voters of index ${index}`],
    ['voters', voters.join('\n          ')],
    ['links', `${links} before`],
  ]
}
