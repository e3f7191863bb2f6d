import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { backoffMs, type Clock, type Logger, type Random, type Timer } from '@vsmcp/kernel'
import { CLOSE_DESCRIPTORS, LAUNCH_SHELL } from './launch-shell.ts'
import { GUARDIAN_RESTART_BASE_MS, GUARDIAN_RESTART_MAX_MS } from './constants.ts'

/**
 * Reads `+ PID` and `- PID`; when the pipe ends, because the node is gone however it went, ends all groups it knows. It
 * ignores what is meant for the node (Ctrl-C, SIGTERM to a whole container), since it must outlive it.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM
all=' '
while read -r sign pid; do
  case "$pid" in ''|0*|1|*[!0-9]*) continue ;; esac
  case "$sign" in
    +) case "$all" in *" $pid "*) ;; *) all="$all$pid " ;; esac ;;
    -) case "$all" in *" $pid "*) all="\${all%% $pid *} \${all#* $pid }" ;; esac ;;
  esac
done
for pid in $all; do kill -s TERM -- "-$pid"; done
turn=0
while [ "$turn" -lt 20 ]; do
  alive=''
  for pid in $all; do kill -s 0 -- "-$pid" && alive=1; done
  [ -z "$alive" ] && exit 0
  sleep 0.1
  turn=$((turn + 1))
done
for pid in $all; do kill -s KILL -- "-$pid"; done
`

export interface GuardianComponents {
  clock: Clock
  random: Random
  logger: Logger
}

/**
 * One small shell for the whole node that ends all process groups when the node dies, by SIGKILL, too: it waits for the
 * end of a pipe that only the node holds. Started with the first server; started again, and told all groups, if it dies.
 */
export class Guardian {
  readonly #components: GuardianComponents
  readonly #groups = new Set<number>()
  #child: ChildProcess | undefined
  #pipe: Writable | undefined
  #attempt = 0
  #retry: Timer | undefined
  #isStopped = false

  constructor(components: GuardianComponents) {
    this.#components = components
  }

  /** After a stop it may be needed again. */
  start(): void {
    this.#isStopped = false
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * The pipe, for a child that names its group itself before it becomes the server: so there is no moment in which the
   * group exists and the guardian does not know. `undefined` while no guardian can be started.
   */
  pipe(): Writable | undefined {
    if (this.#pipe === undefined && !this.#isStopped) this.#spawn()
    return this.#pipe
  }

  add(group: number): void {
    this.#groups.add(group)
    this.#tell(`+ ${group}\n`)
  }

  remove(group: number): void {
    this.#groups.delete(group)
    this.#tell(`- ${group}\n`)
  }

  /** Ends the guardian; it ends the groups it still knows. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#retry?.cancel()
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    child.ref()
    child.once('exit', () => resolve())
    this.#pipe?.end()
    await promise
  }

  #tell(line: string): void {
    this.#pipe?.write(line)
  }

  #spawn(): void {
    this.#retry?.cancel()
    const child = spawn(
      LAUNCH_SHELL.file,
      ['-c', `${CLOSE_DESCRIPTORS} exec /bin/sh -c "$1" vsmcp-guardian`, 'vsmcp-launch', SCRIPT],
      {
        argv0: LAUNCH_SHELL.argv0,
        cwd: '/',
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
        stdio: ['pipe', 'ignore', 'ignore'],
        detached: true,
      },
    )
    const ended = (): void => this.#ended(child)
    child.once('error', ended)
    child.once('exit', ended)
    const pipe = child.stdin
    if (pipe === null || child.pid === undefined) return
    pipe.on('error', () => {})
    this.#child = child
    this.#pipe = pipe
    child.unref()
    ;(pipe as Writable & { unref?: () => void }).unref?.()
    for (const group of this.#groups) this.#tell(`+ ${group}\n`)
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child && this.#child !== undefined) return
    this.#child = undefined
    this.#pipe = undefined
    if (this.#isStopped) return
    const { clock, random, logger } = this.#components
    const delayMs = backoffMs(this.#attempt++, random, { baseMs: GUARDIAN_RESTART_BASE_MS, maxMs: GUARDIAN_RESTART_MAX_MS })
    logger.error({ delayMs, groups: this.#groups.size }, 'guardian of the servers ended, starting another')
    this.#retry = clock.after(delayMs, () => {
      if (this.#pipe === undefined && !this.#isStopped) this.#spawn()
    })
  }
}
