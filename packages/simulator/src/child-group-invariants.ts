import type { GroupState, Operation } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { InvariantBrokenError } from './errors.ts'

/** What one voter is asked to sign: that the group has this first charter. */
export interface AskedGrant {
  readonly id: string
  readonly name: string
  readonly founder: PeerIdString
  readonly charterDigest: string
}

interface Founded {
  readonly founder: PeerIdString
  readonly charterDigest: string
  /** All that it was ever called. */
  readonly names: Set<string>
  readonly delegates: Set<PeerIdString>
}

/** Keeps its own books of the groups below a group, in one epoch. Shares no code with the state machine but the reading of operations. */
export class ChildGroupInvariants {
  readonly #founded = new Map<string, Founded>()
  readonly #removed: Set<string>
  /** What each group is called. */
  readonly #names = new Map<string, string>()
  /** Who runs each unit. */
  readonly #units = new Map<string, Set<PeerIdString>>()
  readonly #invitations = new Map<string, string>()
  founded = 0
  grants = 0

  /** @param first what the epoch began with */
  constructor({ groups, removedGroups, members, units, invitations }: GroupState) {
    this.#removed = new Set(removedGroups)
    for (const [id, { name, founder, charterDigest }] of groups) {
      const delegates = new Set(members.entries().flatMap(([peer, { delegateOf }]) => (delegateOf === id ? [peer] : [])))
      this.#founded.set(id, { founder, charterDigest, names: new Set([name]), delegates })
      this.#names.set(name, id)
    }
    for (const [unit, { peer, replicas = [] }] of units)
      this.#units.set(unit, new Set([peer, ...replicas.map((each) => each.peer)]))
    for (const [id, { delegateOf }] of invitations) if (delegateOf !== undefined) this.#invitations.set(id, delegateOf)
  }

  /** An operation that changed something, the first time that it was applied anywhere. */
  sawDecided(operation: Operation, index: number): void {
    switch (operation.op) {
      case 'group:create':
        this.#create(operation, index)
        break
      case 'group:rename':
        this.#rename(operation, index)
        break
      case 'group:remove':
        this.#remove(operation, index)
        break
      case 'unit:claim':
      case 'unit:replicate':
        this.#claim(operation, index)
        break
      case 'unit:release':
        this.#release(operation.unit, operation.author)
        break
      case 'invitation:create':
        if (operation.delegateOf !== undefined) this.#invitations.set(operation.id, operation.delegateOf)
        break
      case 'invitation:redeem':
        this.#join(operation, index)
        break
      case 'member:remove':
      case 'member:evict':
        this.#part(operation.peer)
        break
      default:
    }
  }

  /** A voter signs a grant: only of what was decided, as it was decided. */
  sawGranted(voter: PeerIdString, { id, name, founder, charterDigest }: AskedGrant): void {
    const group = this.#founded.get(id)
    if (group?.charterDigest !== charterDigest || group.founder !== founder || !group.names.has(name)) {
      throw new InvariantBrokenError('child groups', `${voter} signs for a group ${id} that was never decided so`)
    }
    this.grants++
  }

  #create({ id, name, author, charterDigest }: Extract<Operation, { op: 'group:create' }>, index: number): void {
    if (this.#founded.has(id) || this.#removed.has(id)) {
      throw new InvariantBrokenError('child groups', `entry ${index} founds ${id}, which was there before`)
    }
    this.#name(name, id, index)
    this.#founded.set(id, { founder: author, charterDigest, names: new Set([name]), delegates: new Set() })
    this.founded++
  }

  #rename({ id, name }: Extract<Operation, { op: 'group:rename' }>, index: number): void {
    const group = this.#known(id, index)
    this.#free(id)
    this.#name(name, id, index)
    group.names.add(name)
  }

  #remove({ id }: Extract<Operation, { op: 'group:remove' }>, index: number): void {
    const { delegates } = this.#known(id, index)
    if (delegates.size > 0) {
      throw new InvariantBrokenError(
        'child groups',
        `entry ${index} removes ${id}, of which ${[...delegates].join()} are delegates`,
      )
    }
    this.#free(id)
    this.#removed.add(id)
  }

  #join({ id, peer }: Extract<Operation, { op: 'invitation:redeem' }>, index: number): void {
    const of = this.#invitations.get(id)
    if (of !== undefined) this.#known(of, index).delegates.add(peer)
  }

  #part(peer: PeerIdString): void {
    for (const { delegates } of this.#founded.values()) delegates.delete(peer)
    for (const unit of this.#units.keys()) this.#release(unit, peer)
  }

  #known(id: string, index: number): Founded {
    const group = this.#founded.get(id)
    if (group !== undefined && !this.#removed.has(id)) return group
    throw new InvariantBrokenError('child groups', `entry ${index} is about ${id}, which is not there`)
  }

  /** The unit that a group is, who speaks for it runs: its delegates, or its founder. */
  #claim({ unit, peer }: Extract<Operation, { op: 'unit:claim' | 'unit:replicate' }>, index: number): void {
    const group = this.#founded.get(this.#names.get(unit) ?? '')
    if (group !== undefined && group.founder !== peer && !group.delegates.has(peer)) {
      throw new InvariantBrokenError('child groups', `by entry ${index} ${peer} runs ${unit}, a group that it does not speak for`)
    }
    this.#units.set(unit, new Set([...(this.#units.get(unit) ?? []), peer]))
  }

  #release(unit: string, peer: PeerIdString): void {
    const providers = this.#units.get(unit)
    providers?.delete(peer)
    if (providers?.size === 0) this.#units.delete(unit)
  }

  #name(name: string, id: string, index: number): void {
    const other = this.#names.get(name) ?? (this.#units.has(name) ? 'a unit' : undefined)
    if (other !== undefined) {
      throw new InvariantBrokenError('child groups', `entry ${index} calls ${id} ${name}, as ${other} is called`)
    }
    this.#names.set(name, id)
  }

  #free(id: string): void {
    for (const [name, by] of this.#names) if (by === id) this.#names.delete(name)
  }
}
