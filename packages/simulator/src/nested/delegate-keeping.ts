import type { PeerIdString } from '@vsmcp/kernel'
import { chooseDelegates, type DelegateCandidate } from '@vsmcp/vsm'
import type { Node } from './node.ts'
import type { Seat } from './seat.ts'
import type { NestedWorld } from './world.ts'

/** Milliseconds after which somebody who was asked to be a delegate, and is none, is asked again. */
const ASK_AGAIN_MS = 10_000

/** A leader's duty: its group has delegates above. */
export class DelegateKeeping {
  readonly #world: NestedWorld
  readonly #seat: Seat
  readonly #asked = new Map<PeerIdString, number>()

  constructor(world: NestedWorld, seat: Seat) {
    this.#world = world
    this.#seat = seat
  }

  look(): void {
    const { group, node, offers } = this.#seat
    if (group.parent === undefined) return
    const { nowMs } = this.#world
    for (const [peer, atMs] of this.#asked) if (nowMs - atMs >= ASK_AGAIN_MS) this.#asked.delete(peer)
    const current = [...offers].filter(([, { isDelegate }]) => isDelegate).map(([peer]) => peer)
    const { appoint } = chooseDelegates(this.#candidates(), current, [...this.#asked.keys()])
    const chosen = appoint === undefined ? undefined : this.#world.node(appoint)
    if (chosen === undefined) return
    this.#asked.set(chosen.id, nowMs)
    if (chosen === node) this.#accept(chosen)
    else this.#world.send(node, chosen, 'records', chosen.id.length, () => this.#accept(chosen))
  }

  /** Asks a delegate that is there for an invitation to the parent, and takes its seat. */
  #accept(chosen: Node): void {
    const { parent, id } = this.#seat.group
    const home = chosen.seats.get(id)
    if (parent === undefined || home === undefined) return
    const delegate = [...home.offers].find(([peer, { isDelegate }]) => isDelegate && home.isAlive(peer) && peer !== chosen.id)
    const inviter = delegate === undefined ? undefined : this.#world.node(delegate[0])
    if (inviter === undefined) return
    this.#world.send(chosen, inviter, 'records', chosen.id.length, () => {
      const above = inviter.seats.get(parent.id)
      if (above === undefined) return
      this.#letIn(chosen, inviter, above)
      this.#world.send(inviter, chosen, 'records', TOKEN_BYTES, () => this.#takeSeat(chosen, home))
    })
  }

  #letIn(chosen: Node, inviter: Node, above: Seat): void {
    const by = { author: inviter.id, atMs: this.#world.wallMs }
    const invitation = `d${chosen.number}-${this.#world.nowMs}`
    const about = { verifier: 'A'.repeat(43), role: 'member', zone: chosen.zone, uses: 1, createdBy: inviter.id } as const
    const expiresAtMs = this.#world.wallMs + ASK_AGAIN_MS
    const addresses = [`/ip4/10.${(chosen.number >> 16) & 255}.${(chosen.number >> 8) & 255}.${chosen.number & 255}/tcp/4950`]
    above.propose(
      { op: 'invitation:create', id: invitation, ...about, expiresAtMs, delegateOf: this.#seat.group.id, ...by },
      { op: 'invitation:redeem', id: invitation, peer: chosen.id, name: `node-${chosen.number}`, addresses, ...by },
    )
  }

  #takeSeat(chosen: Node, home: Seat): void {
    const { parent } = this.#seat.group
    if (parent === undefined || chosen.seats.has(parent.id)) return
    this.#world.openSeat(chosen, parent).open()
    home.organs.offerChanged()
  }

  #candidates(): DelegateCandidate[] {
    const { state, view, node } = this.#seat
    const { nowMs } = this.#world
    return (state?.members.entries() ?? []).map(([peer, { zone, role, delegateOf }]) => {
      const member = view.member(peer)
      const isAlive = peer === node.id || member?.state === 'alive'
      return {
        peer,
        isHome: delegateOf === undefined,
        isEdge: role === 'edge',
        zone,
        isReachable: isAlive,
        failedForMs: isAlive ? 0 : nowMs - (member?.sinceMs ?? 0),
        upForMs: this.#world.upForMs(peer),
        seats: this.#world.node(peer)?.seats.size ?? 1,
      }
    })
  }
}

/** Characters of an invitation's token, about. */
const TOKEN_BYTES = 600
