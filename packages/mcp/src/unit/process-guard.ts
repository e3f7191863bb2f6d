import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { type Clock, type Logger, messageOf, type Random, type Startable, type UnitName } from '@vsmcp/kernel'
import { CLOSE_GRACE_MS, GROUP_CHECK_MS, TERM_GRACE_MS } from './constants.ts'
import { CLOSE_DESCRIPTORS, LAUNCH_SHELL } from './launch-shell.ts'
import { ProcessGuardError } from './errors.ts'
import { memoryOfGroups } from './group-memory.ts'
import { Guardian } from './guardian.ts'
import { isGroupAlive, signalGroup } from './process-identity.ts'
import { ProcessRecord } from './process-record.ts'

/**
 * Names its own group to the guardian (fd 3), then becomes the server, which does not get the pipe: the guardian would
 * wait for it. A guardian that is gone must not end the server (SIGPIPE).
 */
const LAUNCH = `(trap '' PIPE; echo "+ $$" >&3) 2>/dev/null; ${CLOSE_DESCRIPTORS} exec "$@"`

export interface ProcessGuardInit {
  /** Where the record of running processes is kept: the node's data directory. */
  dir: string
}

export interface ProcessGuardComponents {
  clock: Clock
  random: Random
  logger: Logger
}

export interface LaunchOptions {
  /** For the record and the log. */
  name: string
  /** Absolute path. */
  file: string
  args: readonly string[]
  /** The whole environment. Names must be such that a shell keeps them. */
  env: Readonly<Record<string, string>>
  cwd: string
}

export interface ProcessEnd {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A server's process, leader of its own group and session. */
export interface GuardedProcess {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when the leader has ended, before the rest of its group is ended. */
  readonly exited: Promise<ProcessEnd>
  /** Ends the whole group: stdin closed, SIGTERM, SIGKILL, each with its grace. Resolves when nothing of it runs. */
  end(): Promise<void>
}

/** Starts servers so that none outlives the node, whatever end the node takes. */
export interface ProcessGuard extends Startable {
  /** @throws `ProcessGuardError` when no process can be started */
  launch(options: LaunchOptions): GuardedProcess
  /** Resident memory of what runs for each unit, bytes; a unit without processes here, or of a platform that does not say, is not in it. */
  memory(): Promise<ReadonlyMap<UnitName, number>>
  /** The guardian's process, while there is one. */
  readonly guardianPid: number | undefined
}

export const createProcessGuard =
  (init: ProcessGuardInit) =>
  (components: ProcessGuardComponents): ProcessGuard =>
    new UnixProcessGuard(init, components)

class UnixProcessGuard implements ProcessGuard {
  readonly #dir: string
  readonly #components: ProcessGuardComponents
  readonly #guardian: Guardian
  readonly #record: ProcessRecord
  readonly #running = new Map<GuardedProcess, UnitName>()

  constructor(init: ProcessGuardInit, components: ProcessGuardComponents) {
    this.#dir = init.dir
    this.#components = components
    this.#guardian = new Guardian(components)
    const onError = (error: unknown): void =>
      components.logger.warn({ error: messageOf(error) }, 'record of running servers cannot be written')
    this.#record = new ProcessRecord(init.dir, onError)
  }

  get guardianPid(): number | undefined {
    return this.#guardian.pid
  }

  /** Ends what an earlier life of the node left running. */
  async start(): Promise<void> {
    this.#guardian.start()
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
    const survivors = this.#record.survivors()
    await Promise.all(
      survivors.map(async ({ pid, name }) => {
        this.#components.logger.warn({ pid, unit: name }, 'server of an earlier life of this node still runs, ending it')
        await this.#endGroup(pid)
      }),
    )
    this.#record.clear()
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map(async (running) => running.end()))
    await this.#guardian.stop()
    this.#record.clear()
  }

  async memory(): Promise<ReadonlyMap<UnitName, number>> {
    const groups = new Map([...this.#running].map(([{ pid }, name]) => [pid, name]))
    const sums = new Map<UnitName, number>()
    for (const [group, bytes] of await memoryOfGroups(new Set(groups.keys()))) {
      const name = groups.get(group)
      if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + bytes)
    }
    return sums
  }

  launch(options: LaunchOptions): GuardedProcess {
    const pipe = this.#guardian.pipe()
    if (pipe === undefined) {
      throw new ProcessGuardError(`cannot start unit ${options.name}: no guardian process can be started`, {
        hint: 'Look whether /bin/sh exists and whether the limit of processes (ulimit -u) is reached.',
      })
    }
    const child = spawn(LAUNCH_SHELL.file, ['-c', LAUNCH, 'vsmcp-launch', options.file, ...options.args], {
      argv0: LAUNCH_SHELL.argv0,
      cwd: options.cwd,
      env: { ...options.env },
      stdio: ['pipe', 'pipe', 'pipe', pipe],
      detached: true,
    })
    return this.#guarded(child, options.name)
  }

  #guarded(child: ChildProcess, name: string): GuardedProcess {
    const { pid, stdin, stdout, stderr } = child
    const exit = Promise.withResolvers<ProcessEnd>()
    child.once('exit', (code, signal) => exit.resolve({ code, signal }))
    if (pid === undefined || stdin === null || stdout === null || stderr === null) {
      child.once('error', () => {})
      throw new ProcessGuardError(`cannot start unit ${name}: the system starts no further process`, {
        hint: 'Look at the limits of processes and open files (ulimit -u, ulimit -n).',
      })
    }
    // Its exit tells all that a broken pipe could.
    stdin.on('error', () => {})
    this.#guardian.add(pid)
    this.#record.add(pid, name)
    let ending: Promise<void> | undefined
    const guarded: GuardedProcess = {
      pid,
      stdin,
      stdout,
      stderr,
      exited: exit.promise,
      end: async () => (ending ??= this.#end(guarded)),
    }
    this.#running.set(guarded, name)
    void exit.promise.then(async () => guarded.end())
    return guarded
  }

  async #end(running: GuardedProcess): Promise<void> {
    running.stdin.end()
    await Promise.race([running.exited, this.#delay(CLOSE_GRACE_MS)])
    await this.#endGroup(running.pid)
    this.#guardian.remove(running.pid)
    this.#record.remove(running.pid)
    this.#running.delete(running)
  }

  async #endGroup(group: number): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (!isGroupAlive(group)) return
      signalGroup(group, signal)
      const until = this.#components.clock.monotonicMs() + TERM_GRACE_MS
      while (isGroupAlive(group) && this.#components.clock.monotonicMs() < until) await this.#delay(GROUP_CHECK_MS)
    }
    if (isGroupAlive(group)) this.#components.logger.error({ group }, 'process group cannot be ended')
  }

  async #delay(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#components.clock.after(delayMs, resolve)
    await promise
  }
}
