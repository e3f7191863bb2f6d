import { accessSync, constants, existsSync } from 'node:fs'

import { run } from './run.ts'

/** Where system programs are, also for a PATH that leaves them out. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin']

/** Another apt may hold the lock for so long, seconds. */
const LOCK_TIMEOUT_S = 120
/** An installation that takes longer is given up, milliseconds: a slow mirror must not hold up the tests for ever. */
const INSTALL_TIMEOUT_MS = 240_000

/** @returns the path of a program of this machine, wherever system programs are */
export function findCommand(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Makes sure that programs are there, by installing Debian's packages for those that are not. Only root on Debian (or what
 * derives from it) can; nothing is ever removed.
 * @param packageOf the Debian package of each program: `{ nft: 'nftables' }`
 * @returns why some are still missing, in words for whoever reads that something was skipped; undefined when all are there
 */
export async function ensureCommands(
  packageOf: Readonly<Record<string, string>>,
  say: (line: string) => void = () => {},
): Promise<string | undefined> {
  const missing = (): string[] => Object.keys(packageOf).filter((name) => findCommand(name) === undefined)
  const names = missing()
  if (names.length === 0) return undefined
  const packages = [...new Set(names.map((name) => packageOf[name] ?? name))]
  const lack = `${names.join(', ')} not found (Debian: ${packages.join(' ')})`
  if (process.platform !== 'linux') return `${lack}; this is ${process.platform}`
  if (process.getuid?.() !== 0) return `${lack}, and only root can install`
  if (!existsSync('/usr/bin/apt-get')) return `${lack}, and this system has no apt-get`
  say(`installing ${packages.join(' ')}`)
  const installed = await install(packages)
  if (!installed) {
    // The lists of a fresh image are empty or old.
    await apt(['update'])
    await install(packages)
  }
  const still = missing()
  return still.length === 0 ? undefined : `${still.join(', ')} could not be installed (Debian: ${packages.join(' ')})`
}

async function install(packages: readonly string[]): Promise<boolean> {
  return apt(['install', '-y', '--no-install-recommends', ...packages])
}

async function apt(args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { code } = await run('/usr/bin/apt-get', ['-q', '-o', `DPkg::Lock::Timeout=${LOCK_TIMEOUT_S}`, ...args], {
    env,
    timeoutMs: INSTALL_TIMEOUT_MS,
  })
  return code === 0
}
