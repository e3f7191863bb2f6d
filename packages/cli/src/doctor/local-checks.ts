import type { Stats } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { systemClock } from '@vsmcp/kernel'
import type { DoctorReport } from '@vsmcp/node'
import { resolveConfig } from '../config/config.ts'
import { CLOCK_TOLERANCE_MS, DISK_FREE_FAIL_BYTES, DISK_FREE_WARN_BYTES, NODE_MAJOR_MIN, VERSION } from '../constants.ts'
import type { Session } from '../session.ts'
import { formatBytes, formatDuration } from '../terminal/format.ts'

export type Check = DoctorReport['checks'][number]

/** What this program runs on. */
export function checkProgram(): Check {
  const found = `vsmcp ${VERSION}, Node.js ${process.versions.node}, ${process.platform} ${process.arch}`
  const name = 'program'
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    return { name, state: 'fail', found, advice: `Run it with Node.js ${NODE_MAJOR_MIN} or newer.` }
  }
  if (process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')) return { name, state: 'ok', found }
  return { name, state: 'warn', found, advice: 'Linux on x64 and arm64 is what is tested; elsewhere it may work.' }
}

/** Everything that can be said of a data directory on which no node runs. */
export async function checkWithoutNode(session: Session): Promise<Check[]> {
  const { dataDir } = session
  return [
    checkProgram(),
    { name: 'node', state: 'warn', found: `none is running on ${dataDir}`, advice: 'Start it with "vsmcp up".' },
    await checkDirectory(dataDir),
    ...(await checkMembershipAndPorts(session)),
    await checkDisk(dataDir),
    await checkClock(dataDir),
  ]
}

async function checkDirectory(dataDir: string): Promise<Check> {
  const name = 'data directory'
  const found = await statOf(dataDir)
  if (found === undefined) {
    return { name, state: 'warn', found: `${dataDir} is not there`, advice: '"vsmcp init" or "vsmcp join" makes it.' }
  }
  if (!found.isDirectory()) {
    return { name, state: 'fail', found: `${dataDir} is no directory`, advice: 'Name another with --data-dir.' }
  }
  const uid = process.getuid?.()
  if (uid !== undefined && found.uid !== uid) {
    return { name, state: 'fail', found: `${dataDir} belongs to user ${found.uid}`, advice: 'Run this as that user.' }
  }
  if ((found.mode & 0o077) === 0) return { name, state: 'ok', found: `${dataDir}, only its owner can read it` }
  return { name, state: 'fail', found: `others can read ${dataDir}, and it holds keys`, advice: `chmod 700 ${dataDir}` }
}

async function checkMembershipAndPorts(session: Session): Promise<Check[]> {
  const { dataDir, env, cwd } = session
  const { readDirectoryState, DEFAULT_HTTP, DEFAULT_LISTEN } = await import('@vsmcp/node')
  const state = await readDirectoryState(dataDir)
  const name = 'membership'
  const membership = {
    empty: {
      name,
      state: 'warn',
      found: 'belongs to no mesh yet',
      advice: '"vsmcp init" makes one, "vsmcp join TOKEN" joins one.',
    },
    left: { name, state: 'warn', found: `has left the mesh ${state.meshName ?? ''}`, advice: 'Join in an empty data directory.' },
    enrolled: { name, state: 'ok', found: `member of the mesh ${state.meshName ?? state.meshId ?? ''}` },
  } as const satisfies Record<string, Check>
  try {
    const defaults = { listen: DEFAULT_LISTEN, http: DEFAULT_HTTP }
    const config = await resolveConfig({ flags: {}, env, cwd, dataDir, defaults })
    const places = [...config.listen.flatMap(placeOf), config.http]
    return [membership[state.kind], ...(await Promise.all(places.map(checkPort)))]
  } catch (error) {
    return [
      membership[state.kind],
      { name: 'configuration', state: 'fail', found: (error as Error).message, advice: 'Correct it; see docs/cli.md.' },
    ]
  }
}

function placeOf(multiaddr: string): { host: string; port: number }[] {
  const [, host, port] = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)/.exec(multiaddr) ?? []
  return host === undefined ? [] : [{ host, port: Number(port) }]
}

async function checkPort({ host, port }: { host: string; port: number }): Promise<Check> {
  const name = `port ${port}`
  const { promise, resolve } = Promise.withResolvers<Check>()
  const probe = createServer()
  probe.once('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EADDRINUSE') {
      const advice = 'Is another node running? Choose another port with --listen or --http.'
      resolve({ name, state: 'fail', found: `taken by another process (${host})`, advice })
    } else if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') {
      resolve({ name, state: 'ok', found: `this machine has no ${host}, which is left out` })
    } else {
      resolve({ name, state: 'fail', found: message, advice: 'Choose another port or address with --listen or --http.' })
    }
  })
  const ipv6Only = host.includes(':')
  probe.listen({ host, port, ipv6Only }, () => probe.close(() => resolve({ name, state: 'ok', found: `free (${host})` })))
  return promise
}

async function checkDisk(dataDir: string): Promise<Check> {
  const name = 'disk'
  const place = (await statOf(dataDir)) === undefined ? await nearestThere(dataDir) : dataDir
  const { bavail, bsize } = await statfs(place)
  const free = bavail * bsize
  const found = `${formatBytes(free)} free at ${place}`
  if (free >= DISK_FREE_WARN_BYTES) return { name, state: 'ok', found }
  const state = free < DISK_FREE_FAIL_BYTES ? 'fail' : 'warn'
  return { name, state, found, advice: 'Make room: on a full disk a node takes no part in decisions.' }
}

/** Without others to compare with, only a clock that went back can be told. */
async function checkClock(dataDir: string): Promise<Check> {
  const name = 'clock'
  const now = systemClock.wallMs()
  const iso = new Date(now).toISOString()
  const times = await Promise.all((await namesIn(dataDir)).map(async (file) => (await statOf(join(dataDir, file)))?.mtimeMs ?? 0))
  const ahead = Math.max(0, ...times) - now
  if (ahead <= CLOCK_TOLERANCE_MS) return { name, state: 'ok', found: `${iso}; a running node compares it with the others` }
  const advice = 'Synchronise the clock (NTP): invitations and credentials expire by it.'
  return { name, state: 'fail', found: `${iso}, yet files here are ${formatDuration(ahead)} newer: it went back`, advice }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch {
    return []
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch {
    return undefined
  }
}

async function nearestThere(path: string): Promise<string> {
  const above = dirname(path)
  return above === path || (await statOf(above)) !== undefined ? above : nearestThere(above)
}
