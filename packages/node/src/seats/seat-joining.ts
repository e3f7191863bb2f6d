import { type Clock, type GroupId, InvalidArgumentError, type Logger } from '@vsmcp/kernel'
import type { Mesh } from '@vsmcp/mesh'
import { checkInvitation, decodeToken, type Identity } from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { SEAT_JOIN_MS } from '../constants.ts'
import { makeDataDirectory } from '../enrol/data-directory.ts'
import { readEnrolment, writeEnrolment } from '../enrol/enrolment.ts'
import { joinOver } from '../enrol/join-mesh.ts'
import type { Membership } from '../recursion/memberships.ts'
import { removeSeat, seatDirectory } from './seat-directory.ts'

export interface SeatJoiningComponents {
  dataDir: string
  identity: Identity
  mesh: Pick<Mesh, 'join' | 'listenAddresses'>
  /** What this node shows at a hello: it may be let in only as a member of a group below. */
  shown: () => Promise<Uint8Array>
  clock: Clock
  logger: Logger
}

/**
 * Takes a seat in a further group by an invitation to it, as this node is and over its own connections. The enrolment is written last: what is cut
 * off is repeated, and the same PeerId gets the same answer.
 */
export async function takeSeat(token: string, home: Membership, components: SeatJoiningComponents): Promise<GroupId> {
  const { dataDir, identity, mesh, shown, clock, logger } = components
  const invitation = decodeToken(token)
  const { enrolment: own } = home.parts.trust
  if (invitation.meshId !== own.meshId) {
    throw new InvalidArgumentError('this token is for another mesh than that of this node', {
      hint: 'A node has seats in groups of its own mesh only.',
    })
  }
  const { group } = invitation
  if (group === home.group) throw new InvalidArgumentError('this token is for the group that this node has its home in already')
  const dir = seatDirectory(dataDir, group)
  const present = await readEnrolment(dir)
  if (present?.left === false) return group
  checkInvitation(invitation, { nowMs: clock.wallMs() })
  await removeSeat(dataDir, group)
  await makeDataDirectory(dir)
  const store = await openStore({ dir })({ clock, logger })
  try {
    const addresses = mesh.listenAddresses()
    const options = { identity, name: own.name, addresses, passport: await shown(), timeoutMs: SEAT_JOIN_MS }
    await writeEnrolment(dir, await joinOver(mesh, invitation, options))
  } finally {
    await store.stop()
  }
  return group
}
