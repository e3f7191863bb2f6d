import { randomBytes } from 'node:crypto'
import { type Clock, Emitter, type KeyValueStore, type Logger, messageOf, type PeerIdString, type Startable } from '@vsmcp/kernel'
import type { Life } from '@vsmcp/security'
import { z } from 'zod'
import { LIFE_ALERT_MS, LIFE_NONCE_BYTES } from '../constants.ts'
import { IdentityCopiedError } from '../errors.ts'

/** Namespaces: this node's own life, and the highest known of each member. */
const OWN = 'life'
const OTHERS = 'lives'

const schema = z.object({ number: z.int().positive(), nonce: z.string() })

export interface LivesComponents {
  kv: (namespace: string) => KeyValueStore
  self: PeerIdString
  clock: Clock
  logger: Logger
  /** The life of the process, in a seat beside its home group. @default a life begins with `start` */
  life?: () => Life
}

interface Events extends Record<string, unknown> {
  /** A copy or an old state of a node showed itself, or this node is said to be one. */
  alert: { peer: PeerIdString }
}

interface Alert {
  readonly text: (name: string) => string
  readonly atMs: number
}

/**
 * Each start of a node is a life with a number, one higher than the last, and a nonce, both fsynced before anybody is spoken to and
 * shown at every hello. A disk that was put back to an earlier state, or cloned block by block, passes its seal; but it comes back
 * with a number that the others have seen, and another nonce, and they refuse it.
 */
export class Lives implements Startable {
  readonly #c: LivesComponents
  readonly #events: Emitter<Events>
  readonly #known = new Map<PeerIdString, Life>()
  readonly #alerts = new Map<PeerIdString, Alert>()
  #own: Life | undefined

  constructor(components: LivesComponents) {
    this.#c = components
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of lives failed'))
  }

  async start(): Promise<void> {
    const { kv, logger, life: shared } = this.#c
    for await (const [peer, value] of kv(OTHERS).entries({ gte: '', lt: '\uffff' })) {
      const life = decode(value)
      if (life === undefined) logger.error({ peer }, 'the known life of a member cannot be read back')
      else this.#known.set(peer, life)
    }
    this.#own = shared?.() ?? (await beginLife(kv(OWN)))
  }

  async stop(): Promise<void> {}

  /** Throws before `start`: no hello is said without it. */
  get own(): Life {
    if (this.#own === undefined) throw new Error('this life has not begun')
    return this.#own
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Throws `IdentityCopiedError` for a life that is over, or one that another process has. Older releases show none. */
  check(peer: PeerIdString, shown: Life | undefined): void {
    const known = this.#known.get(peer)
    if (shown === undefined || known === undefined || shown.number > known.number) return
    if (shown.number === known.number && shown.nonce === known.nonce) return
    const what =
      shown.number === known.number
        ? `life ${shown.number}, which another process has`
        : `life ${shown.number}, and was in life ${known.number} before`
    this.#raise(
      peer,
      (name) => `${name} came with ${what}: a copy or an old state of its data directory was started, and was refused`,
    )
    throw new IdentityCopiedError(`${peer} shows ${what}: it runs on a copy or an old state of its data directory`, {
      hint: 'Stop it. To bring its units back, use `vsmcp backup` and `vsmcp restore`, which make a new node of it.',
      details: { peer, shown: shown.number, known: known.number },
    })
  }

  /** The peer is connected: this is its life now. Resolves when it is on disk. */
  async remember(peer: PeerIdString, shown: Life | undefined): Promise<void> {
    const known = this.#known.get(peer)
    if (shown === undefined || (known !== undefined && known.number >= shown.number)) return
    this.#known.set(peer, shown)
    await this.#c.kv(OTHERS).write([{ type: 'put', key: peer, value: encode(shown) }], { sync: true })
  }

  /** Members that are gone for good are not kept. */
  async keepOnly(isMember: (peer: PeerIdString) => boolean): Promise<void> {
    const gone = [...this.#known.keys()].filter((peer) => !isMember(peer))
    if (gone.length === 0) return
    for (const peer of gone) this.#known.delete(peer)
    await this.#c.kv(OTHERS).write(gone.map((key) => ({ type: 'del', key })))
  }

  /** Two live processes show one identity: of a member, or of this node itself. */
  sawTwice(peer: PeerIdString): void {
    const isOwn = peer === this.#c.self
    this.#raise(peer, (name) =>
      isOwn
        ? 'another live process shows the identity of this node: stop one of the two'
        : `two live processes show the identity of ${name}; the later one was refused`,
    )
  }

  /** A member refused this node because of its life. */
  refusedBy(member: PeerIdString): void {
    this.#raise(
      member,
      (name) => `${name} refuses this node: it has seen a later life of it, so this is an old state or a copy of its disk`,
    )
  }

  /** What was raised lately, as sentences. */
  problems(nameOf: (peer: PeerIdString) => string): string[] {
    const since = this.#c.clock.monotonicMs() - LIFE_ALERT_MS
    for (const [peer, { atMs }] of this.#alerts) if (atMs < since) this.#alerts.delete(peer)
    return [...this.#alerts].map(([peer, { text }]) => text(nameOf(peer)))
  }

  #raise(peer: PeerIdString, text: Alert['text']): void {
    const { clock, logger } = this.#c
    this.#alerts.set(peer, { text, atMs: clock.monotonicMs() })
    logger.error({ peer }, text(peer))
    this.#events.emit('alert', { peer })
  }
}

async function beginLife(store: KeyValueStore): Promise<Life> {
  const before = await store.get(OWN)
  // One that cannot be read back is damage, and no reason to begin at one again: others would take it for a copy.
  const last = before === undefined ? 0 : schema.parse(JSON.parse(Buffer.from(before).toString('utf8'))).number
  const life = { number: last + 1, nonce: randomBytes(LIFE_NONCE_BYTES).toString('base64url') }
  await store.write([{ type: 'put', key: OWN, value: encode(life) }], { sync: true })
  return life
}

function encode(life: Life): Uint8Array {
  return Buffer.from(JSON.stringify(life))
}

function decode(bytes: Uint8Array): Life | undefined {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    return undefined
  }
}
