import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { NoMeshError, ServiceError, UsageError } from '../errors.ts'
import { isSystemdRunning, systemctl } from '../service/systemd.ts'
import { MARK, unitFile } from '../service/unit-file.ts'
import { addCommonOptions, type Session } from '../session.ts'
import { type Define, examples, notes, type Open } from './command.ts'

interface Options {
  user?: boolean
  unit: string
  print?: boolean
}

export const define: Define = (command, open) => {
  command.enablePositionalOptions().helpCommand(false)
  defineInstall(addCommonOptions(command.command('install')), open)
  defineUninstall(addCommonOptions(command.command('uninstall')), open)
  command.addHelpText('after', examples('vsmcp service install --user', 'sudo vsmcp service install --data-dir /var/lib/vsmcp'))
}

const UNIT = ['--unit <name>', 'what the unit is called, where several nodes run on one machine', 'vsmcp'] as const

function defineInstall(command: Command, open: Open): void {
  command
    .summary('let systemd run the node')
    .description('Write a systemd unit that runs the node of this data directory, and enable it where systemd runs.')
    .option('--user', 'for this user only, by the user’s own systemd')
    .option(...UNIT)
    .option('--print', 'show the unit and write nothing')
    .addHelpText(
      'after',
      notes(
        'The node runs as who owns the data directory, with "vsmcp up" and what vsmcp.yaml in it says. It is started again',
        'after a fault, and stopped with time to finish its calls. Servers it starts may write where that user may, but not',
        'to the system; "systemctl edit" takes exceptions.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'sudo vsmcp service install --data-dir /var/lib/vsmcp',
        'vsmcp service install --user',
        'vsmcp service install --print',
      ),
    )
    .action(async (options: Options) => {
      const session = open(command)
      const text = await unitOf(session, options)
      if (options.print === true) return session.terminal.answer({ unit: text }, () => text.trimEnd())
      await install(session, options, text)
    })
}

function defineUninstall(command: Command, open: Open): void {
  command
    .summary('let systemd forget the node; its data stays')
    .description('Stop the node that systemd runs, and remove its unit. The data directory stays, and so does its membership.')
    .option('--user', 'the unit of this user')
    .option(...UNIT)
    .addHelpText('after', examples('vsmcp service uninstall --user', 'sudo vsmcp service uninstall'))
    .action(async (options: Options) => {
      const session = open(command)
      const file = fileOf(session, options)
      const removed = (await writtenBefore(file)) !== undefined
      if (removed) {
        if (isSystemdRunning()) await systemctl(options.user === true, 'disable', '--now', `${options.unit}.service`)
        await guarded(file, () => rm(file))
        if (isSystemdRunning()) await systemctl(options.user === true, 'daemon-reload')
      }
      session.terminal.answer({ unit: options.unit, file, removed }, () =>
        removed ? `removed ${file}; the data stays in ${session.dataDir}` : `there was no ${file}`,
      )
    })
}

async function unitOf({ dataDir, env }: Session, { user = false }: Options): Promise<string> {
  const owner = await stat(dataDir).catch(() => undefined)
  if (owner === undefined) {
    throw new NoMeshError(`${dataDir} belongs to no mesh yet`, {
      hint: 'Make a mesh with "vsmcp init", or join one with "vsmcp join TOKEN"; or name another --data-dir.',
    })
  }
  const [script = ''] = process.argv.slice(1)
  const command = [process.execPath, '--', script, 'up', '--data-dir', dataDir]
  const unprintable = [...command, env['PATH'] ?? ''].find((word) => /\p{Cc}/u.test(word))
  if (unprintable !== undefined) throw new UsageError('a path with control characters cannot stand in a systemd unit')
  return unitFile({ command, dataDir, path: env['PATH'] ?? '/usr/bin:/bin', user, uid: owner.uid, gid: owner.gid })
}

async function install(session: Session, { user = false, unit }: Options, text: string): Promise<void> {
  const file = fileOf(session, { user, unit })
  await writtenBefore(file)
  await guarded(file, async () => {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    await chmod(file, 0o644)
  })
  const control = user ? 'systemctl --user' : 'systemctl'
  const enabled = isSystemdRunning()
  if (enabled) {
    await systemctl(user, 'daemon-reload')
    await systemctl(user, 'enable', `${unit}.service`)
  }
  const next = [
    ...(enabled ? [] : [`${control} daemon-reload`, `${control} enable ${unit}`]),
    `${control} start ${unit}`,
    ...(user ? ['loginctl enable-linger'] : []),
  ]
  session.terminal.answer({ unit, file, enabled, next }, () =>
    [`wrote ${file}${enabled ? ', enabled' : '; systemd does not run here'}`, 'Next:', ...next.map((line) => `  ${line}`)].join(
      '\n',
    ),
  )
}

function fileOf({ env }: Session, { user = false, unit }: Pick<Options, 'user' | 'unit'>): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(unit)) throw new UsageError(`--unit: "${unit}" cannot be the name of a unit`)
  if (process.platform !== 'linux') throw new ServiceError(`systemd is Linux's; this is ${process.platform}`)
  if (!user) return `/etc/systemd/system/${unit}.service`
  const config = env['XDG_CONFIG_HOME']
  return join(config === undefined || config === '' ? join(homedir(), '.config') : config, 'systemd/user', `${unit}.service`)
}

/** @returns what this program wrote there before; throws when somebody else did */
async function writtenBefore(file: string): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ServiceError(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  if (text.startsWith(MARK)) return text
  throw new ServiceError(`${file} was not written by this program`, { hint: 'Move it away, or choose another name with --unit.' })
}

async function guarded(file: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new ServiceError(`${file} cannot be changed: ${message}`, {
      ...(code === 'EACCES' || code === 'EPERM' ? { hint: 'Run it as root, or with --user for a unit of your own.' } : {}),
      cause,
    })
  }
}
