import { createHash, randomBytes } from 'node:crypto'
import { AUTHORITY_LEVEL, type GroupState, type SessionKeyRecord } from '@vsmcp/consensus'
import {
  type Clock,
  InvalidArgumentError,
  isoTime,
  type KeyValueStore,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import { type Identity, signAsPeer } from '@vsmcp/security'
import { z } from 'zod'
import {
  CONTROL_DEADLINE_MS,
  DECISION_DEADLINE_MS,
  SESSION_KEY_BYTES,
  SESSION_KEY_ID_BYTES,
  SESSION_KEY_KEPT_MS,
  SESSION_KEY_RETRY_MS,
  SESSION_KEY_TRIES_MAX,
} from '../constants.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'

const NAMESPACE = 'session-keys'
const GET = 'session-key:get'
const ROTATE = 'session-key:rotate'

export interface SessionKeysComponents {
  kv: (namespace: string) => KeyValueStore
  identity: Identity
  log: GroupLog
  decisions: Decisions
  control: Plane
  /** Members connected now. */
  peers: () => readonly PeerIdString[]
  clock: Clock
  logger: Logger
}

interface HeldKey {
  readonly id: string
  readonly key: Uint8Array
  /** Wall time since which another one is in force; undefined for the one in force and for one that is only proposed. */
  readonly supersededAtMs: number | undefined
}

const storedSchema = z.object({ key: z.string(), supersededAtMs: z.number().optional() })

/**
 * The group's session key. The docket names it, by id and digest; the key itself goes from member to member over the control
 * plane, never through the log or the document. Whoever leads makes the first one, and another after each eviction, since
 * who was evicted knows it. The one before is accepted for an hour.
 */
export class SessionKeys implements Startable {
  readonly #c: SessionKeysComponents
  readonly #held = new Map<string, HeldKey>()
  #store: KeyValueStore
  #timer: Timer | undefined
  #looking: Promise<void> | undefined
  #again = false
  #tries = 0
  #stopped = false
  #offs: (() => void)[] = []

  constructor(components: SessionKeysComponents) {
    this.#c = components
    this.#store = components.kv(NAMESPACE)
    const { control } = components
    control.handle(GET, async ({ payload }) => this.#give(Buffer.from(payload).toString('utf8')))
    control.handle(ROTATE, async () => Buffer.from(await this.#rotateHere()))
  }

  async start(): Promise<void> {
    const { log, logger } = this.#c
    this.#stopped = false
    const onDamaged = (id: string, error: unknown): void =>
      logger.error({ id, error: messageOf(error) }, 'a session key cannot be read back')
    for await (const [id, value] of this.#store.entries({ gte: '', lt: '\uffff', onDamaged })) {
      try {
        const { key, supersededAtMs } = storedSchema.parse(JSON.parse(Buffer.from(value).toString('utf8')))
        this.#held.set(id, { id, key: new Uint8Array(Buffer.from(key, 'base64url')), supersededAtMs })
      } catch (error) {
        onDamaged(id, error)
      }
    }
    const look = (): void => this.#look()
    this.#offs = [log.on('entry:applied', look), log.on('state:installed', look), log.on('leader:changed', look)]
    this.#look()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const off of this.#offs) off()
  }

  /** What new ids are sealed with: the newest key this node holds; undefined before the first. */
  current(): HeldKey | undefined {
    const record = this.#record
    if (record === undefined) return undefined
    return this.#held.get(record.keyId) ?? (record.previous === undefined ? undefined : this.#held.get(record.previous.keyId))
  }

  /** A key that is accepted: the one in force, or one that was within the last hour. */
  accepted(id: string): Uint8Array | undefined {
    const held = this.#held.get(id)
    if (held === undefined || this.#record === undefined) return undefined
    if (id === this.#record.keyId) return held.key
    // Not marked yet: it was in force until a moment ago, or is about to be.
    const until = (held.supersededAtMs ?? this.#c.clock.wallMs()) + SESSION_KEY_KEPT_MS
    return this.#c.clock.wallMs() < until ? held.key : undefined
  }

  /** For people. */
  view(): { id: string; rotatedAt: string; held: boolean; previous: { id: string; acceptedUntil: string } | null } | null {
    const record = this.#record
    if (record === undefined) return null
    const { keyId, previous, atMs } = record
    const until = (this.#held.get(previous?.keyId ?? '')?.supersededAtMs ?? atMs) + SESSION_KEY_KEPT_MS
    const isAccepted = previous !== undefined && until > this.#c.clock.wallMs()
    return {
      id: keyId,
      rotatedAt: isoTime(atMs),
      held: this.#held.has(keyId),
      previous: isAccepted ? { id: previous.keyId, acceptedUntil: isoTime(until) } : null,
    }
  }

  /** Has System 5 make another key. @returns its id */
  async rotate(): Promise<string> {
    const { decisions, control } = this.#c
    return decisions.atLeader(
      DECISION_DEADLINE_MS,
      () => this.#rotateHere(),
      async (leader, options) => Buffer.from(await control.call(leader, ROTATE, new Uint8Array(), options)).toString('utf8'),
    )
  }

  get #record(): SessionKeyRecord | undefined {
    return this.#c.log.state?.sessionKey
  }

  /** The key is on disk before the group hears of it, so that nobody waits for one that is lost. */
  async #rotateHere(): Promise<string> {
    const { identity, decisions } = this.#c
    const { charter, sessionKey } = await decisions.currentHere()
    const key = new Uint8Array(randomBytes(SESSION_KEY_BYTES))
    const keyId = randomBytes(SESSION_KEY_ID_BYTES).toString('base64url')
    await this.#keep({ id: keyId, key, supersededAtMs: undefined })
    const operation = {
      op: 'session-key:rotate',
      by: identity.peerId,
      keyId,
      digest: digestOf(key),
      expects: sessionKey?.keyId ?? '',
    } as const
    await decisions.decideHere(signAsPeer(identity, charter, operation))
    return keyId
  }

  #give(id: string): Uint8Array {
    const key = this.accepted(id)
    if (key !== undefined) return key
    throw new InvalidArgumentError(`this node does not hold the session key ${id}`)
  }

  /** Looks soon; looks asked for while one is under way become one more. */
  #look(): void {
    if (this.#stopped) return
    if (this.#looking !== undefined) {
      this.#again = true
      return
    }
    this.#timer?.cancel()
    this.#looking = this.#work()
      .catch((error: unknown) => {
        this.#c.logger.debug({ error: messageOf(error) }, 'the session key has to wait')
        this.#retry()
      })
      .finally(() => {
        this.#looking = undefined
        if (!this.#again) return
        this.#again = false
        this.#look()
      })
  }

  #retry(): void {
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.#c.clock.after(SESSION_KEY_RETRY_MS, () => this.#look())
  }

  async #work(): Promise<void> {
    await Promise.resolve()
    const { log } = this.#c
    const { state } = log
    if (state === undefined) return
    await this.#retire(state.sessionKey)
    if (log.isLeader && isDue(state)) {
      await this.#rotateHere()
      return
    }
    if (state.sessionKey === undefined || this.#held.has(state.sessionKey.keyId)) {
      this.#tries = 0
      return
    }
    if (await this.#fetch(state.sessionKey)) {
      this.#tries = 0
      return
    }
    // Lost with the nodes that held it, as after a recovery: then there must be another.
    if (++this.#tries >= SESSION_KEY_TRIES_MAX && log.isLeader) await this.#rotateHere()
    else this.#retry()
  }

  /** Marks when each key was superseded, and forgets those that nobody accepts any more. */
  async #retire(record: SessionKeyRecord | undefined): Promise<void> {
    if (record === undefined) return
    const now = this.#c.clock.wallMs()
    for (const held of this.#held.values()) {
      if (held.id === record.keyId) {
        // Marked while it was only proposed.
        if (held.supersededAtMs !== undefined) await this.#keep({ ...held, supersededAtMs: undefined })
      } else if (held.supersededAtMs === undefined) await this.#keep({ ...held, supersededAtMs: now })
      else if (held.supersededAtMs + SESSION_KEY_KEPT_MS <= now) {
        this.#held.delete(held.id)
        await this.#store.write([{ type: 'del', key: held.id }], { sync: true })
      }
    }
  }

  async #fetch({ keyId, digest, by }: SessionKeyRecord): Promise<boolean> {
    const { log, control, identity, peers, logger } = this.#c
    const leader = log.status()?.leader
    const asked = new Set([leader, by, ...peers()].filter((peer) => peer !== undefined && peer !== identity.peerId))
    for (const peer of asked) {
      if (peer === undefined) continue
      try {
        const key = await control.call(peer, GET, Buffer.from(keyId), { deadlineMs: CONTROL_DEADLINE_MS })
        if (digestOf(key) !== digest) throw new InvalidArgumentError('it gave another key than the docket names')
        await this.#keep({ id: keyId, key: new Uint8Array(key), supersededAtMs: undefined })
        return true
      } catch (error) {
        logger.debug({ peer, keyId, error: messageOf(error) }, 'a member did not give the session key')
      }
    }
    return false
  }

  async #keep(held: HeldKey): Promise<void> {
    const { id, key, supersededAtMs } = held
    const value = JSON.stringify({ key: Buffer.from(key).toString('base64url'), supersededAtMs })
    await this.#store.write([{ type: 'put', key: id, value: Buffer.from(value) }], { sync: true })
    this.#held.set(id, held)
  }
}

/** There is none yet, or somebody was evicted who knows the one in force. */
function isDue({ charter, sessionKey }: GroupState): boolean {
  if (charter.featureLevel < AUTHORITY_LEVEL) return false
  return sessionKey === undefined || charter.revocations.some(({ index }) => index > sessionKey.index)
}

/** As the docket names a key. */
function digestOf(key: Uint8Array): string {
  return createHash('sha256').update(key).digest('base64url')
}
