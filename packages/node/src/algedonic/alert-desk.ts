import { ORGANS_LEVEL } from '@vsmcp/consensus'
import { type Clock, InvalidArgumentError, isoTime, UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import type { Source } from '@vsmcp/vsm'
import { ALERT_ANSWER_DEADLINE_MS, ALERT_WATCH_QUEUE_MAX } from '../constants.ts'
import { AlertRefusedError, AlertUnknownError, RefusedError } from '../errors.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { AlertsView } from './alerts-view.ts'
import type { Algedonic } from './algedonic.ts'
import type { AlertEvent, AlertMarkRequest, AlertRaised, AlertRequest, AlertsRequest, AlertView } from './contract.ts'

export interface AlertDeskComponents {
  algedonic: Algedonic
  view: AlertsView
  decisions: Decisions
  log: GroupLog
  clock: Clock
}

/** What people and clients do with alerts. */
export class AlertDesk {
  readonly #c: AlertDeskComponents

  constructor(components: AlertDeskComponents) {
    this.#c = components
  }

  list(request: AlertsRequest): AlertView[] {
    return this.#c.view.list(request)
  }

  /** What is open, then whatever becomes of alerts, until the signal aborts. Who reads too slowly sees the open ones again. */
  async *watch(request: { signal?: AbortSignal }): AsyncGenerator<AlertEvent> {
    const { view, clock } = this.#c
    const queue: AlertEvent[] = []
    let wake = (): void => {}
    let missed = true
    const off = view.onEvent((event) => {
      if (queue.length < ALERT_WATCH_QUEUE_MAX) queue.push(event)
      else missed = true
      wake()
    })
    const onAbort = (): void => wake()
    request.signal?.addEventListener('abort', onAbort)
    try {
      while (request.signal?.aborted !== true) {
        const event = queue.shift()
        if (event !== undefined) yield event
        else if (missed) {
          missed = false
          const at = isoTime(clock.wallMs())
          for (const alert of view.list({ all: false })) yield { event: 'open', at, alert }
        } else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      off()
      request.signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Throws `AlertRefusedError` when its source raises too many, and `InvalidArgumentError`. */
  async raise({ feeling, severity, subject, text, unit }: AlertRequest, origin: 'client' | 'person'): Promise<AlertRaised> {
    const { algedonic, log } = this.#c
    if (unit !== undefined && !UNIT_NAME_PATTERN.test(unit)) throw new InvalidArgumentError(`"${unit}" is no unit's name`)
    if (subject.trim() === '') throw new InvalidArgumentError('an alert needs a subject')
    // A client speaks for the tools it uses, a person for whoever governs.
    const system = origin === 'client' ? 'system1' : 'system5'
    const source: Source = { system, origin, ...(unit === undefined ? {} : { unit }) }
    const felt = algedonic.feel({ feeling, severity, source, subject, text })
    if (felt.outcome === 'refused') {
      const why = felt.reason === 'flood' ? 'too many were raised here' : 'this node holds as many as it can, none less severe'
      throw new AlertRefusedError(`the alert was not taken: ${why}`, {
        hint: 'What is open already stays and is being delivered: see `vsmcp alert ls`. Raise it again in a minute.',
      })
    }
    const { id, outcome } = felt
    await this.#withinReason(algedonic.answered(id))
    return { id, outcome, decided: log.state?.alerts.has(id) === true }
  }

  acknowledge({ id, reason }: AlertMarkRequest): Promise<void> {
    return this.#mark('alert:acknowledge', id, reason)
  }

  /** What this node holds it ends itself, and tells System 5 as soon as there is one. */
  async resolve({ id, reason }: AlertMarkRequest): Promise<void> {
    const { algedonic } = this.#c
    if (algedonic.resolve(id, reason)) await this.#withinReason(algedonic.answered(id))
    else await this.#mark('alert:resolve', id, reason)
  }

  async #mark(op: 'alert:acknowledge' | 'alert:resolve', id: string, reason: string): Promise<void> {
    const { decisions, log, view } = this.#c
    const alert = view.find(id)
    if (alert?.decided === false) {
      throw new AlertUnknownError(`the group does not know the alert ${id} yet`, {
        hint:
          alert.level === 'node' ? `It is still the affair of ${alert.nodeName}.` : 'It is told as soon as there is a System 5.',
      })
    }
    if (alert === undefined && (log.state?.charter.featureLevel ?? ORGANS_LEVEL) < ORGANS_LEVEL) throw unknown(id)
    try {
      await decisions.decide({ op, id, reason })
    } catch (error) {
      throw error instanceof RefusedError && error.details['reason'] === 'alert-unknown' ? unknown(id, error) : error
    }
  }

  async #withinReason(answered: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#c.clock.after(ALERT_ANSWER_DEADLINE_MS, resolve)
    await Promise.race([answered, promise])
    timer.cancel()
  }
}

function unknown(id: string, cause?: unknown): AlertUnknownError {
  return new AlertUnknownError(`there is no alert ${id}, or it is over for long`, {
    hint: '`vsmcp alert ls --all` lists those that are remembered.',
    ...(cause === undefined ? {} : { cause }),
  })
}
