import type { CallHandler, NoticeHandler } from '../../../packages/kernel/src/index.ts'
import { MeshGossip } from '../../../packages/mesh/src/gossip.ts'
import { BoundedExchange } from '../../../packages/mesh/src/join.ts'
import { RoutedPlane } from '../../../packages/mesh/src/planes.ts'
import { type Kind, type Sample, sampleOf } from './means.ts'

/** Of one method and type so many samples are kept: the first ones. */
const KEPT_PER_NAME = 2

/** What each method carries, there and back. */
const CARRIED: Readonly<Record<string, { asked?: Kind; answered?: Kind }>> = {
  raft: { asked: 'raft' },
  'system5:decide': { asked: 'operation', answered: 'decided' },
  'system5:read-index': { answered: 'read-index' },
  'system5:redeem': { asked: 'redeem', answered: 'grant' },
  'system5:sign-credential': { asked: 'credential-payload', answered: 'credential-part' },
  'system5:sign-link': { answered: 'link-signature' },
  'state:sync': { asked: 'sync', answered: 'sync' },
  'state:records': { asked: 'known', answered: 'records' },
}

/** Keeps what nodes of this process really say to one another, as they say it. Put in before any node is made. */
export class Tap {
  readonly control: Sample[] = []
  readonly join: Sample[] = []
  readonly sharedState: Sample[] = []
  /** Methods heard whose form nobody wrote down yet. */
  readonly unknown = new Set<string>()

  putIn(): void {
    const keep = (method: string, way: 'asked' | 'answered', payload: Uint8Array): void => this.#keep(method, way, payload)
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { handle, onNotice } = RoutedPlane.prototype
    RoutedPlane.prototype.handle = function (method: string, handler: CallHandler): void {
      handle.call(this, method, async (call) => {
        keep(method, 'asked', call.payload)
        const answer = await handler(call)
        keep(method, 'answered', answer)
        return answer
      })
    }
    RoutedPlane.prototype.onNotice = function (method: string, handler: NoticeHandler): void {
      onNotice.call(this, method, (peer, payload) => {
        keep(method, 'asked', payload)
        handler(peer, payload)
      })
    }
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { publish } = MeshGossip.prototype
    const onGossip = (topic: string, payload: Uint8Array): void => this.#onGossip(topic, payload)
    MeshGossip.prototype.publish = async function (topic: string, payload: Uint8Array): Promise<void> {
      onGossip(topic, payload)
      return publish.call(this, topic, payload)
    }
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { send } = BoundedExchange.prototype
    const onJoin = (message: Uint8Array): void => this.#add(this.join, sampleOf('join', 'join', message))
    BoundedExchange.prototype.send = async function (message: Uint8Array): Promise<void> {
      onJoin(message)
      return send.call(this, message)
    }
  }

  #onGossip(topic: string, payload: Uint8Array): void {
    if (topic.endsWith('/state')) this.#add(this.sharedState, sampleOf('gossip', 'gossip', payload))
  }

  #keep(method: string, way: 'asked' | 'answered', payload: Uint8Array): void {
    const kind = CARRIED[method]?.[way]
    if (kind === undefined) {
      if (CARRIED[method] === undefined) this.unknown.add(method)
      return
    }
    const to = method.startsWith('state:') ? this.sharedState : this.control
    this.#add(to, sampleOf(kind, `${method} ${way}`, payload))
  }

  #add(to: Sample[], sample: Sample): void {
    const type = typeOf(sample)
    const name = type === undefined ? sample.name : `${sample.name}: ${type}`
    if (to.filter((kept) => kept.name === name).length < KEPT_PER_NAME) to.push({ ...sample, name })
  }
}

function typeOf({ means }: Sample): string | undefined {
  const fields = means as { type?: unknown; op?: unknown } | null
  const type = fields?.type ?? fields?.op
  return typeof type === 'string' ? type : undefined
}
