import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { NodeError } from '@vsmcp/api'
import { systemClock } from '@vsmcp/kernel'
import type { VsmcpNode } from '@vsmcp/node'
import { DETACHED_VARIABLE, DETACH_READY_TIMEOUT_MS, LAST_LINES_MAX, UP_OUT_BYTES_MAX } from '../constants.ts'
import { NodeFailedError, NoMeshError } from '../errors.ts'
import type { Session } from '../session.ts'
import type { ParentMessage } from './parent.ts'

/** `up --detach`: the same command again, in a session of its own; returns once it serves. */
export async function upDetached(session: Session): Promise<void> {
  const { dataDir, terminal } = session
  if (!existsSync(dataDir)) {
    throw new NoMeshError(`${dataDir} belongs to no mesh yet`, {
      hint: 'Make a mesh with "vsmcp init", or join one with "vsmcp join TOKEN"; or name another --data-dir.',
    })
  }
  const { child, output } = startChild(session)
  const ready = await terminal.during('starting the node', untilReady(child, output))
  terminal.answer(
    { ready: true, ...ready },
    ({ name, mcp }) => `${name} is up (process ${child.pid ?? '?'}); MCP clients connect to ${mcp}`,
  )
  terminal.remark('Stop it with "vsmcp down"; "vsmcp logs --follow" shows what happens.')
}

/** What this start writes begins at `from`: before it is what earlier ones left, a crash perhaps. */
interface Output {
  path: string
  from: number
}

function startChild({ argv, cwd, dataDir }: Session): { child: ChildProcess; output: Output } {
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'logs', 'up.out')
  const file = openSync(path, 'a', 0o600)
  try {
    if (fstatSync(file).size > UP_OUT_BYTES_MAX) ftruncateSync(file)
    const output = { path, from: fstatSync(file).size }
    const [script = ''] = process.argv.slice(1)
    const own = argv.filter((argument) => argument !== '--detach')
    // "--": Node looks for options of its own, such as --env-file, behind the script, too.
    const child = spawn(process.execPath, [...process.execArgv, '--', script, ...own], {
      cwd,
      env: { ...process.env, [DETACHED_VARIABLE]: '1' },
      detached: true,
      stdio: ['ignore', file, file, 'ipc'],
    })
    return { child, output }
  } finally {
    closeSync(file)
  }
}

async function untilReady(child: ChildProcess, output: Output): Promise<VsmcpNode['ready']> {
  const { promise, resolve, reject } = Promise.withResolvers<VsmcpNode['ready']>()
  const fail = (what: string): void => {
    reject(new NodeFailedError(what, { hint: `All it wrote is in ${output.path}.`, details: { lastLines: lastLines(output) } }))
  }
  child.once('error', (error) => fail(`the node's process could not be started: ${error.message}`))
  child.once('exit', (code, signal) => fail(`the node ended before it served, with ${signal ?? `exit code ${code ?? '?'}`}`))
  child.on('message', (message: ParentMessage) => {
    if (message.kind === 'ready') resolve(message.ready)
    else reject(new NodeError(message.error))
  })
  const timer = systemClock.after(DETACH_READY_TIMEOUT_MS, () => {
    child.kill('SIGTERM')
    fail(`the node did not serve within ${DETACH_READY_TIMEOUT_MS} ms and was stopped`)
  })
  try {
    return await promise
  } finally {
    timer.cancel()
    child.removeAllListeners()
    if (child.connected) child.disconnect()
    child.unref()
  }
}

function lastLines({ path, from }: Output): string[] {
  const lines = stripVTControlCharacters(readFileSync(path).subarray(from).toString('utf8')).trimEnd().split('\n')
  return lines.slice(-LAST_LINES_MAX).filter((line) => line !== '')
}
