import { type PeerIdString, type Random, seededRandom } from '@vsmcp/kernel'
import {
  bootstrap,
  type Entry,
  type Message,
  type RaftComponents,
  type RaftInit,
  type RaftNode,
  raftNode,
  type Ready,
} from '../../src/index.ts'
import { bytes } from './cluster.ts'
import { verifyEndorsement } from './endorse.ts'

/** A node alone with its test, which plays all the others. */
export class Single {
  readonly node: RaftNode
  readonly applied: Entry[] = []
  last: Ready | undefined
  nowMs = 0

  constructor(
    { voters = ['n1', 'n2', 'n3'], ...init }: Partial<RaftInit> & { voters?: readonly PeerIdString[] } = {},
    components: Partial<RaftComponents> = {},
  ) {
    this.node = raftNode({ id: 'n1', stored: bootstrap({ voters }, bytes('[]')), ...init })({
      random: random(),
      verifyEndorsement,
      ...components,
    })
  }

  /** Does everything there is to do. @returns the messages sent */
  work(): readonly { to: PeerIdString; message: Message }[] {
    const sent: { to: PeerIdString; message: Message }[] = []
    while (this.node.hasReady()) {
      const ready = this.node.ready()
      this.last = ready
      sent.push(...ready.messages)
      this.applied.push(...ready.committedEntries)
      this.node.advance(ready)
    }
    return sent
  }

  /** Hears something and answers. */
  hear(from: PeerIdString, message: Message): readonly Message[] {
    this.node.step(from, message)
    return this.work()
      .filter(({ to }) => to === from)
      .map(({ message: answer }) => answer)
  }

  pass(ms: number): readonly { to: PeerIdString; message: Message }[] {
    this.nowMs += ms
    this.node.tick(this.nowMs)
    return this.work()
  }

  /** Wins an election with the vote of n2. */
  lead(): this {
    this.node.campaign()
    this.work()
    const { term } = this.node.status()
    const committed = { commit: 0, commitTerm: 0 }
    this.hear('n2', { type: 'preVoteAnswer', term, campaign: term + 1, granted: true, ...committed })
    this.hear('n2', { type: 'voteAnswer', term: term + 1, granted: true, ...committed })
    return this
  }

  /** A follower says that it has everything up to `index`. */
  accept(from: PeerIdString, index: number): readonly Message[] {
    return this.hear(from, {
      type: 'appendAnswer',
      term: this.node.status().term,
      index,
      rejected: false,
      hintIndex: 0,
      hintTerm: 0,
    })
  }
}

export function random(seed = 1): Random {
  return seededRandom(seed)
}

export function entry(index: number, term: number, data = ''): Entry {
  return data === '' ? { index, term, type: 'noop', data: new Uint8Array() } : { index, term, type: 'normal', data: bytes(data) }
}

export function append(
  term: number,
  after: readonly [index: number, term: number],
  entries: readonly Entry[],
  commit = 0,
): Message {
  return { type: 'append', term, previousIndex: after[0], previousTerm: after[1], entries, commit }
}
