import {
  type GroupId,
  InvalidArgumentError,
  type Logger,
  messageOf,
  NotSentError,
  type PeerIdString,
  type Plane,
} from '@vsmcp/kernel'
import { chooseDelegates, type DelegateCandidate } from '@vsmcp/vsm'
import { DELEGATE_ASKED_MS, DELEGATE_TOKEN_MS, DELEGATES_ASKED_MAX, SEAT_JOIN_MS } from '../constants.ts'
import type { Members } from '../members/members.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Duty } from '../system5/leader-duties.ts'
import type { Delegates } from './delegates.ts'
import type { Memberships } from './memberships.ts'

const INVITE = 'recursion:invite-delegate'
const TAKE_SEAT = 'recursion:take-seat'
const GIVE_UP_SEAT = 'recursion:give-up-seat'

/** Bytes of a token, far above what one has. */
const TOKEN_BYTES_MAX = 8_192

export interface DelegateDeskComponents {
  group: GroupId
  parent: () => GroupId | undefined
  self: PeerIdString
  /** First voter of the group: its home is the group above. */
  founder: () => PeerIdString | undefined
  log: Pick<GroupLog, 'state' | 'status'>
  members: Pick<Members, 'sight' | 'isAlive' | 'inStateForMs'>
  delegates: Delegates
  memberships: Memberships
  /** Of this group, for its members only. */
  control: Plane
  nowMs: () => number
  logger: Logger
}

/**
 * Who speaks for the group above it. The leader sees to it that there are two: it asks a member to take a seat in the parent, by an invitation
 * that a present delegate makes there; who is one too many it asks to leave. Members do so for whom they follow as their leader, and nobody else.
 */
export class DelegateDesk implements Duty {
  readonly #c: DelegateDeskComponents
  /** Whom this leader asked, and when, by its monotonic clock. */
  readonly #asked = new Map<PeerIdString, number>()
  #isAsking = false

  constructor(components: DelegateDeskComponents) {
    this.#c = components
    const { control } = components
    control.handle(INVITE, async ({ peer }) => {
      this.#mustLead(peer)
      return Buffer.from(await this.#invite())
    })
    control.handle(TAKE_SEAT, async ({ peer, payload }) => {
      this.#mustLead(peer)
      await components.memberships.hands.take(readToken(payload))
      return new Uint8Array()
    })
    control.handle(GIVE_UP_SEAT, async ({ peer }) => {
      this.#mustLead(peer)
      await this.#giveUp()
      return new Uint8Array()
    })
  }

  /** Asking takes as long as a member takes to answer; the other duties of the leader do not wait for it. */
  async work(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    void this.#look()
      .catch((error: unknown) =>
        this.#c.logger.info(
          { group: this.#c.group, error: messageOf(error) },
          'the delegates of the group are not as they should be yet',
        ),
      )
      .finally(() => (this.#isAsking = false))
  }

  async #look(): Promise<void> {
    const { parent, founder, delegates, members, nowMs, logger, group } = this.#c
    const above = parent()
    if (above === undefined) return
    const all = delegates.of(above)
    // It is there before there is anybody else, and goes by itself.
    const current = all.filter((peer) => peer !== founder())
    for (const [peer, atMs] of this.#asked) {
      if (current.includes(peer) || nowMs() - atMs > DELEGATE_ASKED_MS) this.#asked.delete(peer)
    }
    const { appoint, release } = chooseDelegates(this.#candidates(current), current, [...this.#asked.keys()])
    if (appoint !== undefined) {
      // Where nobody can invite anybody yet, nobody is asked: just after a group was moved, for instance.
      const token = await this.#token(all)
      this.#asked.set(appoint, nowMs())
      await this.#appoint(appoint, token)
      logger.info({ group, peer: appoint }, 'a member has taken a seat in the group above')
    } else if (release !== undefined && members.isAlive(release)) {
      await this.#release(release)
      logger.info({ group, peer: release }, 'a delegate has given up its seat in the group above')
    }
  }

  #candidates(current: readonly PeerIdString[]): DelegateCandidate[] {
    const { log, members, founder } = this.#c
    const others = (log.state?.members.entries() ?? []).filter(([peer]) => peer !== founder())
    return others.map(([peer, { role, zone, delegateOf }]) => {
      const { state, forMs } = members.sight(peer)
      const isReachable = members.isAlive(peer)
      return {
        peer,
        // A delegate of a group below has its home there.
        isHome: delegateOf === undefined,
        isEdge: role === 'edge',
        zone,
        isReachable,
        failedForMs: state === 'alive' ? 0 : forMs,
        upForMs: isReachable ? forMs : 0,
        seats: 1 + Number(delegateOf !== undefined) + Number(current.includes(peer)),
      }
    })
  }

  /** The token goes from member to member only, over encrypted connections. */
  async #appoint(peer: PeerIdString, token: string): Promise<void> {
    const { self, control, memberships } = this.#c
    if (peer === self) await memberships.hands.take(token)
    else await control.call(peer, TAKE_SEAT, Buffer.from(token), { deadlineMs: SEAT_JOIN_MS })
  }

  /** By the first delegate that can make an invitation. */
  async #token(delegates: readonly PeerIdString[]): Promise<string> {
    const { self, control } = this.#c
    let last: unknown
    for (const delegate of delegates.slice(0, DELEGATES_ASKED_MAX)) {
      try {
        if (delegate === self) return await this.#invite()
        return readToken(await control.call(delegate, INVITE, new Uint8Array(), { deadlineMs: SEAT_JOIN_MS }))
      } catch (error) {
        last = error
        this.#c.logger.debug({ delegate, error: messageOf(error) }, 'a delegate made no invitation')
      }
    }
    throw new NotSentError('no delegate can invite another one', { cause: last })
  }

  async #release(peer: PeerIdString): Promise<void> {
    const { self, control } = this.#c
    if (peer === self) await this.#giveUp()
    else await control.call(peer, GIVE_UP_SEAT, new Uint8Array(), { deadlineMs: SEAT_JOIN_MS })
  }

  /** Makes an invitation to the parent for one delegate more. */
  async #invite(): Promise<string> {
    const { parent, memberships, group } = this.#c
    const above = memberships.get(parent() ?? '')
    if (above === undefined) throw new NotSentError('this node has no running seat in the group above')
    const request = { role: 'member', ttlMs: DELEGATE_TOKEN_MS, uses: 1, delegateOf: group } as const
    return (await above.parts.admission.invite(request)).token
  }

  async #giveUp(): Promise<void> {
    const { parent, memberships } = this.#c
    const above = memberships.get(parent() ?? '')
    if (above === undefined) return
    if (above.isHome) throw new InvalidArgumentError('the group above is the home of this node: it stays')
    await memberships.hands.giveUp(above.group)
  }

  #mustLead(peer: PeerIdString): void {
    if (this.#c.log.status()?.leader === peer) return
    throw new InvalidArgumentError(`${peer} does not lead this group, as far as this node knows`)
  }
}

function readToken(payload: Uint8Array): string {
  if (payload.byteLength > TOKEN_BYTES_MAX) throw new InvalidArgumentError(`a token of ${payload.byteLength} bytes is none`)
  return Buffer.from(payload).toString('utf8')
}
