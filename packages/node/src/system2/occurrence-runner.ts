import type { Schedule } from '@vsmcp/consensus'
import {
  type Clock,
  isoTime,
  type KeyValueStore,
  type Logger,
  messageOf,
  OutcomeUnknownError,
  type PeerIdString,
  type Random,
  type Startable,
  telemetry,
  type Timer,
} from '@vsmcp/kernel'
import {
  type ExecutorEffect,
  type OccurrenceEnding,
  OccurrenceExecutor,
  type OccurrenceMark,
  type OccurrenceRef,
} from '@vsmcp/vsm'
import { z } from 'zod'
import { OCCURRENCE_LOOK_MS, OCCURRENCE_REASON_LENGTH_MAX } from '../constants.ts'
import type { RepeatedCall } from '../control/tool-call.ts'
import type { ToolCallAnswer } from '../route/contract.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'
import { reachingTool } from './reaching-tool.ts'

const runs = telemetry('vsmcp:system2:occurrence')

const markSchema = z.object({
  run: z.object({ name: z.string(), addedAtIndex: z.number(), timeMs: z.number(), attempt: z.number() }),
  markedAtMs: z.number(),
  ending: z
    .object({
      outcome: z.enum(['done', 'failed', 'unknown']),
      reason: z.string(),
      startedAtMs: z.number(),
      endedAtMs: z.number(),
    })
    .exactOptional(),
})

export interface OccurrenceRunnerComponents {
  self: PeerIdString
  log: Pick<GroupLog, 'on' | 'state'>
  decisions: Pick<Decisions, 'propose' | 'current'>
  call: (request: RepeatedCall) => Promise<ToolCallAnswer>
  /** Of marks, by schedule. */
  kv: KeyValueStore
  clock: Clock
  random: Random
  logger: Logger
}

/** Runs the occurrences that the group assigned to this node; see `OccurrenceExecutor` for the rules. */
export class OccurrenceRunner implements Startable {
  readonly #c: OccurrenceRunnerComponents
  /** Of this life: a part may be started again. */
  #ended = new AbortController()
  #executor: OccurrenceExecutor
  #timer: Timer | undefined
  #off: (() => void)[] = []
  /** One write after the other: a mark must never be overtaken by the one before it. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(components: OccurrenceRunnerComponents) {
    this.#c = components
    this.#executor = new OccurrenceExecutor(components.self)
  }

  async start(): Promise<void> {
    const { self, kv, log, clock, logger } = this.#c
    this.#ended = new AbortController()
    const marks: OccurrenceMark[] = []
    const onDamaged = (key: string): void => {
      logger.error(
        { schedule: key },
        'what was written of a scheduled run cannot be read back: it runs here no more until it is added anew',
      )
      marks.push(beyondAll(key))
    }
    for await (const [key, value] of kv.entries({ gte: '', lt: '\uffff', onDamaged })) {
      const parsed = markSchema.safeParse(parsedJson(value))
      if (parsed.success) marks.push(parsed.data)
      else onDamaged(key)
    }
    this.#executor = new OccurrenceExecutor(self, marks)
    this.#off = [
      log.on('entry:applied', ({ before, state }) => {
        if (state.schedules !== before.schedules) this.#look()
      }),
      log.on('state:installed', () => this.#look()),
    ]
    this.#timer = clock.every(OCCURRENCE_LOOK_MS, () => this.#look())
    if (marks.length > 0) void this.#settle()
    this.#look()
  }

  /** What is being run is cut off; the mark on disk tells the next life. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    for (const off of this.#off) off()
    this.#ended.abort()
    await this.#writing
  }

  #look(): void {
    const { state } = this.#c.log
    if (state === undefined || this.#ended.signal.aborted) return
    this.#act(this.#executor.follow(state.schedules.entries(), this.#wallMs()))
  }

  async #settle(): Promise<void> {
    const { signal } = this.#ended
    try {
      const { schedules } = await this.#c.decisions.current()
      if (!signal.aborted) this.#act(this.#executor.settle(schedules.entries()))
    } catch (error) {
      // They are few, and are asked about again at the next start.
      this.#c.logger.debug({ error: messageOf(error) }, 'marks of former schedules stay')
    }
  }

  #act(effects: readonly ExecutorEffect[]): void {
    for (const effect of effects) void this.#carryOut(effect).then((next) => this.#act(next))
  }

  async #carryOut(effect: ExecutorEffect): Promise<readonly ExecutorEffect[]> {
    const { signal } = this.#ended
    if (signal.aborted) return []
    const next = await this.#nextOf(effect)
    // Cut off by the end of this life: what is on disk tells the next one.
    return signal.aborted ? [] : next()
  }

  /** Does it, and gives what its outcome is told by to the executor that asked for it. */
  async #nextOf(effect: ExecutorEffect): Promise<() => readonly ExecutorEffect[]> {
    const executor = this.#executor
    if (effect.type === 'write') {
      const { mark } = effect
      const isWritten = await this.#write(mark)
      return () => executor.written(mark.run, isWritten, this.#wallMs())
    }
    const { run } = effect
    if (effect.type === 'forget') {
      await this.#inOrder(() => this.#c.kv.write([{ type: 'del', key: keyOf(run) }]))
      return () => []
    }
    if (effect.type === 'take') {
      const isTaken = await this.#decided({ op: 'occurrence:take', ...run })
      return () => executor.taken(run, isTaken, this.#wallMs())
    }
    if (effect.type === 'tell') {
      const isTold = await this.#decided({ op: 'occurrence:end', ...run, ...effect.ending })
      return () => executor.told(run, isTold, this.#wallMs())
    }
    const ending = await this.#run(run)
    return () => executor.ended(run, ending)
  }

  async #run(run: OccurrenceRef): Promise<OccurrenceEnding> {
    const { log, call, logger } = this.#c
    const startedAtMs = this.#wallMs()
    const schedule = log.state?.schedules.get(run.name)
    const ending = await this.#outcomeOf(schedule?.addedAtIndex === run.addedAtIndex ? schedule : undefined, call)
    const fields = { schedule: run.name, due: isoTime(run.timeMs), attempt: run.attempt, ...ending }
    if (ending.outcome === 'done') logger.info(fields, 'a scheduled run is done')
    else logger.warn(fields, 'a scheduled run did not end well')
    const endedAtMs = Math.max(startedAtMs, this.#wallMs())
    runs.publish({
      schedule: run.name,
      dueMs: run.timeMs,
      attempt: run.attempt,
      lateMs: Math.max(0, startedAtMs - run.timeMs),
      durationMs: endedAtMs - startedAtMs,
      outcome: ending.outcome,
    })
    return { ...ending, startedAtMs, endedAtMs }
  }

  async #outcomeOf(
    schedule: Schedule | undefined,
    call: OccurrenceRunnerComponents['call'],
  ): Promise<Pick<OccurrenceEnding, 'outcome' | 'reason'>> {
    if (schedule === undefined) return { outcome: 'failed', reason: 'the schedule was removed before it began' }
    const { tool, argsJson, timeoutMs } = schedule
    try {
      const args = JSON.parse(argsJson) as Record<string, unknown>
      const { signal } = this.#ended
      const { clock, random } = this.#c
      const { isError, result, synthetic } = await reachingTool((attempt) => call({ tool, args, timeoutMs, signal, attempt }), {
        clock,
        random,
        timeoutMs,
        signal,
      })
      if (synthetic !== undefined) return { outcome: 'failed', reason: asReason(synthetic) }
      return isError ? { outcome: 'failed', reason: asReason(textOf(result)) } : { outcome: 'done', reason: '' }
    } catch (error) {
      const outcome = error instanceof OutcomeUnknownError ? 'unknown' : 'failed'
      return { outcome, reason: asReason(messageOf(error)) }
    }
  }

  async #decided(request: Parameters<Decisions['propose']>[0]): Promise<boolean> {
    try {
      const result = await this.#c.decisions.propose(request)
      if (!result.ok)
        this.#c.logger.debug({ op: request.op, reason: result.message }, 'the group did not agree to a scheduled run')
      return result.ok
    } catch (error) {
      this.#c.logger.debug({ op: request.op, error: messageOf(error) }, 'the group could not be asked about a scheduled run')
      return false
    }
  }

  async #write(mark: OccurrenceMark): Promise<boolean> {
    const value = Buffer.from(JSON.stringify(mark))
    try {
      await this.#inOrder(() => this.#c.kv.write([{ type: 'put', key: keyOf(mark.run), value }], { sync: true }))
      return true
    } catch (error) {
      this.#c.logger.error({ schedule: mark.run.name, error: messageOf(error) }, 'a scheduled run could not be written down')
      return false
    }
  }

  #inOrder(write: () => Promise<void>): Promise<void> {
    const mine = this.#writing.then(write)
    this.#writing = mine.catch(() => {})
    return mine
  }

  #wallMs(): number {
    return Math.floor(this.#c.clock.wallMs())
  }
}

function keyOf({ name, addedAtIndex }: OccurrenceRef): string {
  return `${addedAtIndex} ${name}`
}

function parsedJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8'))
  } catch {
    return undefined
  }
}

/** Nobody knows what has begun: as if all had. */
function beyondAll(key: string): OccurrenceMark {
  const at = key.indexOf(' ')
  const ofSchedule = { addedAtIndex: Number(key.slice(0, at)), name: key.slice(at + 1) }
  return { run: { ...ofSchedule, timeMs: Number.MAX_SAFE_INTEGER, attempt: 1 }, markedAtMs: 0 }
}

/** What a tool said of its failure. */
function textOf(result: Record<string, unknown>): string {
  const content = Array.isArray(result['content']) ? (result['content'] as { text?: unknown }[]) : []
  const texts = content.flatMap(({ text }) => (typeof text === 'string' ? [text] : []))
  return texts.join(' ') || 'the tool answered an error'
}

/** One line, as short as the docket takes it. */
function asReason(text: string): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, OCCURRENCE_REASON_LENGTH_MAX)
  return line.toWellFormed()
}
