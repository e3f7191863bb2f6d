import type { Readable } from 'node:stream'
import { type ApiClient, createApiClient } from '@vsmcp/api'
import type { Command } from 'commander'
import { resolveDataDir } from './data-dir.ts'
import { Terminal, type TerminalInit } from './terminal/terminal.ts'

/** What the process gives a command: everything ambient, so that tests can give something else. */
export interface Surroundings {
  /** The command line, without the interpreter and the script. */
  argv: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  stdin: Readable
  stdout: TerminalInit['stdout']
  stderr: TerminalInit['stderr']
}

/** One run of one command: where its node is and where its answer goes. */
export interface Session extends Surroundings {
  readonly dataDir: string
  readonly terminal: Terminal
  /** The running node; whether there is one shows at the first request. */
  readonly node: ApiClient
}

/** Options every command takes, given before or after its name. */
export interface CommonOptions {
  json?: boolean
  dataDir?: string
}

export function addCommonOptions(command: Command): Command {
  return command
    .option('--json', 'answer in JSON, for programs')
    .option('--data-dir <dir>', "the node's data directory (or VSMCP_DATA_DIR)")
}

/** The nearest command that was given an option wins: `vsmcp --json status` and `vsmcp status --json` are the same. */
export function commonOptions(command: Command): CommonOptions {
  const own = command.opts<CommonOptions>()
  const above = command.parent === null ? {} : commonOptions(command.parent)
  const { json = above.json, dataDir = above.dataDir } = own
  return { ...(json === undefined ? {} : { json }), ...(dataDir === undefined ? {} : { dataDir }) }
}

export function openSession(command: Command, surroundings: Surroundings): Session {
  const { json = false, dataDir: flag } = commonOptions(command)
  const dataDir = resolveDataDir(flag, surroundings.env, surroundings.cwd)
  const { env } = surroundings
  return {
    ...surroundings,
    dataDir,
    terminal: new Terminal({ ...surroundings, json }),
    node: createApiClient({ dataDir, env }),
  }
}
