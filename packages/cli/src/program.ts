import { toErrorShape, VsmcpError } from '@vsmcp/kernel'
import { Command, CommanderError } from 'commander'
import { COMMAND_GROUPS } from './commands/table.ts'
import { VERSION } from './constants.ts'
import { UsageError } from './errors.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { hintFor } from './hints.ts'
import { addCommonOptions, openSession, type Surroundings } from './session.ts'
import { printable } from './terminal/printable.ts'
import { Terminal } from './terminal/terminal.ts'

const AFTER_HELP = `
"vsmcp help COMMAND" says more. The data directory is ~/.local/state/vsmcp unless --data-dir or VSMCP_DATA_DIR names another.

First steps:
  $ vsmcp init --name home && vsmcp up --detach
  $ vsmcp attach files -- npx -y @modelcontextprotocol/server-filesystem .
  $ vsmcp invite                      # on another machine: vsmcp join TOKEN && vsmcp up --detach
  $ vsmcp tools && vsmcp status`

/**
 * Runs one command line. Everything it says goes to the streams given; nothing is thrown.
 * @returns the exit code, see `EXIT`
 */
export async function run(surroundings: Surroundings): Promise<number> {
  const program = createProgram(surroundings)
  try {
    await program.parseAsync(asHelp(surroundings.argv), { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done
    return report(toOwnError(error, program, surroundings), surroundings)
  }
}

function createProgram(surroundings: Surroundings): Command {
  const program = new Command('vsmcp')
    .description('One mesh of MCP tools over many machines, which governs itself.')
    .enablePositionalOptions()
    .exitOverride()
    .helpCommand(false)
    .version(VERSION, '--version', 'print the version')
    .addHelpText('after', AFTER_HELP)
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      // Errors are reported by `run`, in one form for all.
      writeErr: () => {},
      outputError: () => {},
    })
  addCommonOptions(program)
  const entries = new Map(COMMAND_GROUPS.flatMap((group) => group.entries.map((entry) => [entry.name, entry])))
  for (const { heading, entries: group } of COMMAND_GROUPS) {
    for (const { name, summary } of group) program.command(name).summary(summary).description(capital(summary)).helpGroup(heading)
  }
  program.hook('preSubcommand', async (_, command) => {
    const module = await entries.get(command.name())?.load()
    module?.define(addCommonOptions(command), (of) => openSession(of, surroundings))
  })
  return program
}

/** `help invite create` is `invite create --help`: the command has to be loaded before it can explain itself. */
function asHelp(argv: readonly string[]): string[] {
  const [first, ...rest] = argv
  return first === 'help' ? [...rest, '--help'] : [...argv]
}

/** Commander's complaints, in our form; they end with the way to the help. */
function toOwnError(error: unknown, program: Command, { argv }: Surroundings): unknown {
  if (!(error instanceof CommanderError)) return error
  const command = program.commands.find((each) => argv.includes(each.name()))?.name()
  const see = `See "vsmcp ${command === undefined ? '' : `${command} `}--help".`
  if (error.code === 'commander.help') return new UsageError('a command is needed', { hint: see })
  const [said = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n')
  // The list of what was too much may hold a secret that was meant for an option.
  const what = error.code === 'commander.excessArguments' ? said.replace(/ but got (\d+):.*$/, ' but got $1') : said
  const hints = suggestion.map((line) => line.replace(/^\((.*)\)$/, '$1'))
  if (error.code === 'commander.unknownOption' && command === 'attach') {
    hints.push('Options of the attached server come after "--".')
  }
  return new UsageError(what, { hint: [...hints, see].join(' '), cause: error })
}

function report(error: unknown, surroundings: Surroundings): number {
  const { argv } = surroundings
  const ended = argv.indexOf('--')
  const json = argv.slice(0, ended < 0 ? undefined : ended).includes('--json')
  const terminal = new Terminal({ ...surroundings, json })
  const shape = withHint(error)
  if (json) {
    const details = error instanceof VsmcpError && Object.keys(error.details).length > 0 ? { details: error.details } : {}
    terminal.error(JSON.stringify({ error: { ...shape, ...details } }))
    return exitCodeOf(shape.code)
  }
  tell(error, terminal)
  if (!(error instanceof VsmcpError) && surroundings.env['VSMCP_DEBUG'] !== undefined && error instanceof Error) {
    terminal.error(error.stack ?? '')
  }
  return exitCodeOf(shape.code)
}

function withHint(error: unknown): ReturnType<typeof toErrorShape> {
  const shape = toErrorShape(error)
  const hint = shape.hint ?? hintFor(shape.code)
  return hint === undefined ? shape : { ...shape, hint }
}

/**
 * An error for a person: the message, the lists in its details as lines (what a server wrote before it died, which
 * addresses were tried) unless the message says them line by line already, the hint.
 */
function tell(error: unknown, terminal: Terminal): void {
  const { code, message, hint } = withHint(error)
  const details = error instanceof VsmcpError ? Object.values(error.details) : []
  const lists = details.filter((value): value is readonly string[] => Array.isArray(value))
  const short = lists.reduce((text, list) => (list.length > 1 ? text.replace(list.join(' | '), '').trimEnd() : text), message)
  const [said = '', ...more] = printable(short).trimEnd().split('\n')
  terminal.error(`${terminal.errStyle('red', 'vsmcp:')} ${said} ${terminal.errStyle('dim', `[${code}]`)}`)
  for (const line of more) terminal.error(line)
  for (const line of lists.flat().filter((each) => !short.includes(each))) {
    terminal.error(`  ${terminal.errStyle('dim', '|')} ${printable(line).trimEnd()}`)
  }
  if (hint !== undefined) terminal.error(printable(hint))
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
