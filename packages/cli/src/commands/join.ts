import { resolve } from 'node:path'
import type { JoinMeshResult } from '@vsmcp/node'
import { JOIN_TIMEOUT_MS } from '../constants.ts'
import { FileError, UsageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { refuseWhileRunning } from '../not-running.ts'
import { durationOption } from '../options.ts'
import type { Session } from '../session.ts'
import { readPnetKey } from '../up/pnet-key.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import { type Define, examples, notes } from './command.ts'

const OF_ANOTHER_MESH = 'It belongs to a mesh already. Stop it with "vsmcp down", or enrol another node with another --data-dir.'

interface Options {
  tokenFile?: string
  name?: string
  pnetKey?: string
  timeout: number
}

export const define: Define = (command, open) => {
  command
    .argument('[token]', 'from "vsmcp invite"; - reads it from standard input')
    .option('--token-file <file>', 'read the token from a file')
    .option('--name <name>', 'what this node is called (default: the name of this machine)')
    .option('--pnet-key <file>', 'the key of the private network, where the mesh is inside one (or VSMCP_PNET_KEY)')
    .addOption(durationOption('--timeout <duration>', 'give up after this', JOIN_TIMEOUT_MS))
    .addHelpText(
      'after',
      notes(
        'Without any of these the token is taken from VSMCP_JOIN_TOKEN, which keeps it out of the list of processes.',
        'The mesh is verified before anything secret is sent to it. Afterwards "vsmcp up" runs the node.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp join vsmcp1_…',
        'ssh first vsmcp invite | vsmcp join -',
        'vsmcp join --token-file /run/secrets/vsmcp --name plant-7',
      ),
    )
    .action(async (argument: string | undefined, options: Options) => {
      const session = open(command)
      const { dataDir, terminal } = session
      const token = await readToken(argument, options, session)
      await refuseWhileRunning(session, OF_ANOTHER_MESH)
      const pnetKeyFile = options.pnetKey ?? session.env['VSMCP_PNET_KEY']
      const pnetKey =
        pnetKeyFile === undefined
          ? undefined
          : await readPnetKey(resolve(session.cwd, pnetKeyFile), (text) => terminal.warn(text))
      const { joinMesh } = await import('@vsmcp/node')
      let step = ''
      const joining = joinMesh({
        dataDir,
        token,
        timeoutMs: options.timeout,
        onProgress: (message) => (step = message),
        ...(pnetKey === undefined ? {} : { pnetKey }),
        ...(options.name === undefined ? {} : { name: options.name }),
      })
      terminal.answer(await terminal.during('joining', joining, () => step), render)
    })
}

/** Exactly one source; never repeated in an error. */
async function readToken(argument: string | undefined, { tokenFile }: Options, session: Session): Promise<string> {
  if (argument !== undefined && tokenFile !== undefined) {
    throw new UsageError('a token and --token-file do not go together')
  }
  const fromFile = tokenFile ?? (argument === '-' ? '-' : undefined)
  const given = fromFile === undefined ? (argument ?? session.env['VSMCP_JOIN_TOKEN']) : await readInput(fromFile, session)
  const token = given?.trim() ?? ''
  if (token !== '') return token
  if (fromFile !== undefined) {
    throw new FileError(`there is no token in ${fromFile === '-' ? 'standard input' : fromFile}`)
  }
  throw new UsageError('the token is missing', {
    hint: 'Give it as an argument, by --token-file FILE, on standard input with "-", or in VSMCP_JOIN_TOKEN. "vsmcp invite" on a member makes one.',
  })
}

function render(result: JoinMeshResult): string {
  const { meshName, meshId, peerId, role, dataDir, joinedNow } = result
  const mesh = printableLine(meshName)
  return [
    joinedNow ? `joined the mesh ${mesh} as ${role}` : `this node had joined the mesh ${mesh} already, as ${role}`,
    renderPairs(
      [
        ['mesh', meshId],
        ['node', peerId],
        ['data', dataDir],
      ],
      '  ',
    ),
    'Next: vsmcp up',
  ].join('\n')
}
