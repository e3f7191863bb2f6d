import { START_TIMEOUT_MS } from '../constants.ts'
import { UsageError } from '../errors.ts'
import { collect, duration, durationOption, percentage, positive, wholeNumber } from '../options.ts'
import type { Session } from '../session.ts'
import { renderAttached } from '../units/render-attached.ts'
import { toRequest, type UnitDescription } from '../units/request.ts'
import { parseAssignments } from '../units/values.ts'
import { type Define, examples, notes } from './command.ts'

interface Options {
  env?: readonly string[]
  envFile?: string
  cwd?: string
  url?: string
  worker?: string
  threads?: number
  threadMemory?: number
  header?: readonly string[]
  startTimeout: number
  replica?: boolean
  replace?: boolean
  import?: string
  claims?: readonly string[]
  weight?: number
  concurrency?: number
  rate?: number
  targetP99?: number
  targetErrors?: number
  essential?: boolean
  fallback?: string
}

export const define: Define = (command, open) => {
  command
    .usage(
      'NAME [options] -- COMMAND ARGS…\n       vsmcp attach NAME --url URL [options]\n       vsmcp attach NAME --worker MODULE [options]\n       vsmcp attach --import FILE [options]',
    )
    .argument('[name]', 'of the unit: up to 24 of a-z, 0-9 and "-"')
    .argument('[command...]', 'the server, after "--": run as given, without a shell')
    .option('--env <name=value>', 'a variable for the server; several times', collect)
    .option('--env-file <file>', 'a file of NAME=VALUE lines for the server')
    .option('--cwd <dir>', 'where the server runs (default: here)')
    .option('--url <url>', 'an MCP server at this address (Streamable HTTP)')
    .option('--worker <module>', 'tools of a module of yours, run in threads of a process of their own (docs/workers.md)')
    .option('--threads <number>', 'of --worker (default: one less than there are processor cores)', wholeNumber('--threads', 1))
    .option('--thread-memory <mib>', 'what each thread of --worker may use (default: 256)', wholeNumber('--thread-memory', 1))
    .option('--header <name=value>', 'an HTTP header for --url; several times', collect)
    .addOption(durationOption('--start-timeout <duration>', 'until its tools are listed', START_TIMEOUT_MS))
    .option('--claims <name[:shared]>', 'what its calls need and the group has once; several times', collect)
    .option('--weight <number>', 'how much it counts when capacity is scarce (default: 1)', positive('--weight'))
    .option('--concurrency <number>', 'calls it may have in work at once', wholeNumber('--concurrency', 1))
    .option('--rate <number>', 'calls it may begin per second', positive('--rate'))
    .option('--target-p99 <duration>', 'the latency that 99 of 100 calls shall stay within', duration('--target-p99'))
    .option('--target-errors <share>', 'the share of calls that may fail, such as 1%', percentage('--target-errors'))
    .option('--essential', 'serve it also when the node refuses calls of others for want of capacity')
    .option('--replica', 'run a unit here that other nodes run, too: the same server, called in turn and for one another')
    .option('--fallback <file>', 'answers of read-only tools for when it cannot be asked: JSON, results by tool')
    .option('--replace', 'take the place of another unit of that name on this node')
    .option('--import <file>', "attach all servers of an MCP client's file (mcpServers or servers)")
    .addHelpText(
      'after',
      notes(
        'Answers once the tools are listed; else exit code 1 and the last lines the server wrote. The same again is',
        '"unchanged"; another command under the same name needs --replace. Units survive restarts of the node.',
        '',
        'With --replica several nodes of a zone run one unit: its tools are listed once, a call goes to whoever does best, and to another when',
        'that one fails and the call does no harm twice. All must offer the very same.',
        '',
        'With --claims a call waits until the group gives the unit what it claims: a robot arm, a serial port, an account. Alone, or',
        'with others that claim it as NAME:shared. "vsmcp claims" shows who has what.',
        '',
        "The server gets PATH, HOME and a few more of the node's environment, and what --env names. A value env:NAME is",
        "looked up in the node's environment, file:PATH on its disk, each time the server starts: no secret is stored.",
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp attach files -- npx -y @modelcontextprotocol/server-filesystem ~/shared',
        'vsmcp attach github --env GITHUB_TOKEN=file:~/.github-token -- npx -y @modelcontextprotocol/server-github',
        'vsmcp attach wiki --url https://wiki.example/mcp --header "Authorization=env:WIKI_TOKEN"',
        'vsmcp attach render --worker ./render.mjs --threads 4',
        'vsmcp attach search --weight 3 --concurrency 8 --target-p99 500ms --target-errors 1% -- ./search',
        'vsmcp attach arm --claims robot-arm --claims camera:shared -- ./arm-server',
        'vsmcp attach files --replica -- npx -y @modelcontextprotocol/server-filesystem ~/shared',
        'vsmcp attach --import ~/.cursor/mcp.json',
      ),
    )
    .action(async (name: string | undefined, rest: readonly string[], options: Options) => {
      const session = open(command)
      if (options.import !== undefined) {
        refuseBeside('--import', { NAME: name, ...ofOneServer(rest, options) })
        const { attachImported } = await import('../units/attach-imported.ts')
        return attachImported(session, { file: options.import, replace: options.replace === true })
      }
      if (name === undefined) throw new UsageError('the name of the unit is missing', { hint: 'See "vsmcp attach --help".' })
      return attachOne(session, name, rest, options)
    })
}

async function attachOne(session: Session, name: string, rest: readonly string[], options: Options): Promise<void> {
  const { node, terminal } = session
  const request = await toRequest(name, describe(name, rest, options), {
    base: session.cwd,
    env: session.env,
    warn: (text) => terminal.warn(text),
  })
  const attaching = node.attach({ ...request, replace: options.replace === true })
  const result = await terminal.during(`starting ${name}`, attaching)
  terminal.answer(result, renderAttached)
}

function describe(name: string, rest: readonly string[], options: Options): UnitDescription {
  const [command, ...args] = rest
  const { url, worker, threads, threadMemory, startTimeout: startTimeoutMs } = options
  const { claims: claimed, fallback } = options
  const claims = {
    ...(options.replica === true ? { replica: true } : {}),
    ...(claimed === undefined ? {} : { claims: claimed }),
    ...(fallback === undefined ? {} : { fallback }),
    ...termsOf(options),
  }
  const pool = {
    ...(threads === undefined ? {} : { threads }),
    ...(threadMemory === undefined ? {} : { threadMemoryMb: threadMemory }),
  }
  if (worker !== undefined) {
    refuseBeside('--worker', { COMMAND: command, '--url': url, '--header': options.header })
    return { worker, ...pool, ...ofProcess(options), startTimeoutMs, ...claims }
  }
  refuseBeside('a server of its own', { '--threads': threads, '--thread-memory': threadMemory })
  if (url !== undefined) {
    refuseBeside('--url', { COMMAND: command, '--env': options.env, '--env-file': options.envFile, '--cwd': options.cwd })
    return { url, headers: parseAssignments('--header', options.header ?? []), startTimeoutMs, ...claims }
  }
  if (command === undefined) {
    throw new UsageError(`what to attach as ${name} is missing`, {
      hint: 'Give -- COMMAND ARGS…, --url URL, --worker MODULE or --import FILE.',
    })
  }
  refuseBeside('a command', { '--header': options.header })
  return {
    command,
    args,
    ...ofProcess(options),
    startTimeoutMs,
    ...claims,
  }
}

/** What is told of whatever is started as a process. */
function ofProcess({ env = [], envFile, cwd }: Options): Pick<UnitDescription, 'env' | 'envFile' | 'cwd'> {
  return {
    env: parseAssignments('--env', env),
    ...(envFile === undefined ? {} : { envFile }),
    ...(cwd === undefined ? {} : { cwd }),
  }
}

function termsOf({ weight, concurrency, rate, targetP99, targetErrors, essential }: Options): Pick<UnitDescription, 'terms'> {
  const terms = {
    ...(weight === undefined ? {} : { weight }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(rate === undefined ? {} : { ratePerS: rate }),
    ...(targetP99 === undefined ? {} : { targetP99Ms: targetP99 }),
    ...(targetErrors === undefined ? {} : { targetErrors }),
    ...(essential === undefined ? {} : { essential }),
  }
  return Object.keys(terms).length === 0 ? {} : { terms }
}

function ofOneServer(rest: readonly string[], options: Options): Record<string, unknown> {
  const { env, envFile, cwd, url, header, claims, replica, fallback, worker, threads, threadMemory } = options
  const ofOne = {
    '--replica': replica,
    '--worker': worker,
    '--threads': threads,
    '--thread-memory': threadMemory,
    '--env': env,
    '--env-file': envFile,
    '--cwd': cwd,
    '--url': url,
    '--header': header,
    '--claims': claims,
    '--fallback': fallback,
  }
  const { weight, concurrency, rate, targetP99, targetErrors, essential } = options
  const terms = { '--weight': weight, '--concurrency': concurrency, '--rate': rate, '--target-p99': targetP99 }
  return { COMMAND: rest[0], ...ofOne, ...terms, '--target-errors': targetErrors, '--essential': essential }
}

function refuseBeside(what: string, others: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(others).filter((name) => others[name] !== undefined)
  if (given.length > 0) throw new UsageError(`${given.join(', ')} and ${what} do not go together`)
}
