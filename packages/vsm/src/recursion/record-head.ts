import { type GroupId, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { assertChannel, type ChannelOf } from '../channels.ts'
import { PEER_ID_LENGTH_MAX } from '../constants.ts'
import { MessageMalformedError } from '../errors.ts'
import { countField } from '../fields.ts'
import { RECORD_BYTES_MAX, RECORD_LIFE_MS } from './constants.ts'

/** Version of the form of records; another one is refused by name. */
const RECORD_VERSION = 1

/** The last moment a date can hold, milliseconds. */
export const WALL_MS_MAX = 8.64e15

export const wallField = countField.max(WALL_MS_MAX)
export const groupField = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
export const peerField = z.string().min(1).max(PEER_ID_LENGTH_MAX)

/** Order of records of one group: epoch, then term of its log, then the sequence within the term. Its voice leads it, so no two have the same. */
export interface RecordOrder {
  readonly epoch: number
  readonly term: number
  readonly sequence: number
}

/** @returns below 0 when the first is the earlier one */
export function compareOrder(a: RecordOrder, b: RecordOrder): number {
  return a.epoch - b.epoch || a.term - b.term || a.sequence - b.sequence
}

/** How records travel: that of a group to its parent, where the group is a unit; that of the parent to its units. */
export const UPWARD = { kind: 'report', from: 'system1', to: 'system3' } as const satisfies ChannelOf<'report', 'system1'>
export const DOWNWARD = { kind: 'command', from: 'system3', to: 'system1' } as const satisfies ChannelOf<'command', 'system3'>

export const headShape = {
  v: z.literal(RECORD_VERSION),
  channel: z.object({ kind: z.string(), from: z.string(), to: z.string() }),
  /** The child group that it comes from, or goes to. */
  group: groupField,
  /** Who leads the group that speaks, and signs. */
  voice: peerField,
  epoch: countField,
  term: countField,
  sequence: countField,
  /** Wall clock of the voice, milliseconds: when it was made, and until when it holds. */
  atMs: wallField,
  untilMs: wallField,
}

/** The part that every record has. */
export interface RecordHead extends RecordOrder {
  readonly group: GroupId
  readonly voice: PeerIdString
  readonly atMs: number
  readonly untilMs: number
}

/** @returns whether it ends, and soon enough */
export function isBrief({ atMs, untilMs }: Pick<RecordHead, 'atMs' | 'untilMs'>): boolean {
  return untilMs > atMs && untilMs - atMs <= RECORD_LIFE_MS
}
export const BRIEF = { message: `does not end within ${RECORD_LIFE_MS} ms after it was made`, path: ['untilMs'] }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The first items, as many as there is room for. */
export function fitting<T>(items: Iterable<T>, countMax: number, bytesMax: number): T[] {
  const fit: T[] = []
  let bytes = 2
  for (const item of items) {
    bytes += encoder.encode(JSON.stringify(item)).length + 1
    if (bytes > bytesMax || fit.length >= countMax) break
    fit.push(item)
  }
  return fit
}

/** What a record is read and written by. Throws `MessageMalformedError` and nothing else. */
export class RecordCodec<T> {
  readonly #schema: z.ZodType<T>
  readonly #channel: { readonly kind: string; readonly from: string; readonly to: string }
  readonly #what: string

  constructor(what: string, channel: RecordCodec<T>['channel'], schema: z.ZodType<T>) {
    this.#what = what
    this.#channel = channel
    this.#schema = schema
  }

  get channel(): { readonly kind: string; readonly from: string; readonly to: string } {
    return this.#channel
  }

  /** The bytes that are signed. */
  encode(record: T): Uint8Array {
    const checked = this.#check({ v: RECORD_VERSION, channel: this.#channel, ...record })
    const bytes = encoder.encode(JSON.stringify({ v: RECORD_VERSION, channel: this.#channel, ...checked }))
    this.#assertSize(bytes)
    return bytes
  }

  /** Fields of a later version are left out. */
  decode(bytes: Uint8Array): T {
    this.#assertSize(bytes)
    let value: unknown
    try {
      value = JSON.parse(decoder.decode(bytes))
    } catch (cause) {
      throw new MessageMalformedError(`${this.#what} is no JSON: ${messageOf(cause)}`, { cause })
    }
    return this.#check(value)
  }

  #assertSize({ length }: Uint8Array): void {
    if (length <= RECORD_BYTES_MAX) return
    throw new MessageMalformedError(`${this.#what} of ${length} bytes, ${RECORD_BYTES_MAX} are allowed`)
  }

  #check(value: unknown): T {
    const result = this.#schema.safeParse(value)
    if (!result.success) {
      const issue = result.error.issues[0]
      const where = issue === undefined || issue.path.length === 0 ? 'the record' : issue.path.map(String).join('.')
      throw new MessageMalformedError(`${this.#what}, ${where}: ${issue?.message ?? 'malformed'}`)
    }
    this.#assertChannel(value)
    return result.data
  }

  #assertChannel(value: unknown): void {
    const { channel } = value as { channel: { kind: string; from: string; to: string } }
    try {
      assertChannel(channel)
    } catch (cause) {
      throw new MessageMalformedError(`${this.#what}: ${messageOf(cause)}`, { cause })
    }
    const { kind, from, to } = this.#channel
    if (channel.kind === kind && channel.from === from && channel.to === to) return
    throw new MessageMalformedError(`${this.#what} cannot be ${channel.kind} from ${channel.from} to ${channel.to}`)
  }
}
