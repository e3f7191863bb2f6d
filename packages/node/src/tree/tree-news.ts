import { type Clock, type Logger, messageOf, type SupervisionEvent, telemetry } from '@vsmcp/kernel'
import { CRASHES_KEPT, CRASHES_TOLD_MS } from '../constants.ts'

const changes = telemetry('vsmcp:supervision:child')

const SAID = {
  crashed: ['error', 'a part of the node crashed'],
  ended: ['info', 'a part of the node was done'],
  restarted: ['warn', 'a part of the node was started again'],
  'start-failed': ['error', 'a part of the node did not start'],
  'stop-failed': ['error', 'a part of the node did not stop in order'],
  abandoned: ['error', 'a part of the node did not stop in time and was abandoned'],
  'gave-up': ['error', 'a supervisor of the node gave up'],
} as const satisfies Record<SupervisionEvent['type'], readonly ['info' | 'warn' | 'error', string]>

/** What happens in the tree of a node: to the log, to whoever subscribes, and for a while among the problems that `status` tells. */
export class TreeNews {
  readonly #logger: Logger
  readonly #clock: Clock
  /** The newest crashes of parts, oldest first. */
  #crashes: { part: string; error: string; atMs: number }[] = []

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger
    this.#clock = clock
  }

  tell({ type, path, error }: SupervisionEvent): void {
    const [level, text] = SAID[type]
    const child = path.join('/')
    const stack = type === 'crashed' && error instanceof Error ? error.stack : undefined
    const why = error === undefined ? {} : { error: messageOf(error) }
    this.#logger[level]({ child, ...why, ...(stack !== undefined && { stack }) }, text)
    if (changes.hasSubscribers) changes.publish({ child, change: type, ...why })
    if (type !== 'crashed') return
    const atMs = this.#clock.monotonicMs()
    this.#crashes = [...this.#crashes, { part: path.slice(1).join('/'), error: messageOf(error), atMs }].slice(-CRASHES_KEPT)
  }

  /** Parts that crashed lately, as sentences. What stands again is worth knowing: it will crash again. */
  problems(): string[] {
    const sinceMs = this.#clock.monotonicMs() - CRASHES_TOLD_MS
    const lately = Map.groupBy(
      this.#crashes.filter(({ atMs }) => atMs >= sinceMs),
      ({ part }) => part,
    )
    return [...lately].map(([part, crashes]) => {
      const times = crashes.length === 1 ? 'once' : `${crashes.length} times`
      return `${part} crashed ${times} within ${CRASHES_TOLD_MS / 60_000} minutes and was started again: ${crashes.at(-1)?.error ?? ''}`
    })
  }
}
