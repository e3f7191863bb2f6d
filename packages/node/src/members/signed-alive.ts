import type { PeerIdString } from '@vsmcp/kernel'
import { type Identity, verify, withLabel } from '@vsmcp/security'
import type { Enrolment } from '../enrol/enrolment.ts'
import type { MembersComponents } from './members.ts'

const ALIVE_LABEL = 'vsmcp alive'

/** A member alone says in which incarnation it is alive; who passes it on cannot make it up. */
export function signedAlive(identity: Identity, { meshId, groupId }: Enrolment): MembersComponents['alive'] {
  const sentence = (peer: PeerIdString, incarnation: number): Uint8Array =>
    withLabel(ALIVE_LABEL, Buffer.from([meshId, groupId, peer, incarnation].join(' ')))
  return {
    signAlive: (incarnation: number) => identity.sign(sentence(identity.peerId, incarnation)),
    verifyAlive: (peer: PeerIdString, incarnation: number, signature: Uint8Array) =>
      verify(peer, sentence(peer, incarnation), signature),
  }
}
