import type { Member } from './docket.ts'

/** Why an operation was refused. Codes never change their meaning. */
export type RefusalCode =
  /** The entry is no operation this version can read. */
  | 'operation-invalid'
  /** The author is no member. */
  | 'author-unknown'
  /** It is somebody else's, and the author is no voter where voters may. */
  | 'not-yours'
  | 'member-unknown'
  | 'members-full'
  /** The member still votes: change the voters first, so that no vote is left without a node. */
  | 'still-votes'
  | 'invitation-exists'
  | 'invitation-unknown'
  | 'invitation-expired'
  | 'invitation-revoked'
  | 'invitation-used-up'
  | 'invitations-full'
  | 'unit-taken'
  | 'unit-unknown'
  | 'units-full'
  /** A replica offers something else than its unit, or its unit has not said yet what it offers. */
  | 'definitions-differ'
  /** A replica runs in another zone than its unit. */
  | 'zone-differs'
  | 'providers-full'
  | 'name-taken'
  | 'names-full'
  | 'link-differs'
  /** No committed change of voters, or none before that is certified, bears the certificate out; or it is not properly signed. */
  | 'link-forged'
  | 'links-full'
  /** Not signed by the mesh key, or it does not say what the links of the docket say. */
  | 'anchor-forged'
  /** So few links would stay beside it that credentials in force could not be verified any more. */
  | 'anchor-early'
  /** The group's feature level is below the operation's: not every voter could read it. */
  | 'feature-level'
  /** Not signed by the operator it names, or by the member it concerns. */
  | 'signature-wrong'
  | 'operator-unknown'
  | 'operator-exists'
  | 'operators-full'
  /** The last operator goes only by the mesh key. */
  | 'operator-last'
  /** Signed for another version than the one in force; `current` names it. */
  | 'version-differs'
  /** Too few voters endorse it, or somebody else does. */
  | 'not-endorsed'
  /** It is about an earlier membership of the same peer. */
  | 'membership-differs'
  | 'peer-revoked'
  | 'revocations-full'
  /** It has not ended yet, or is not there. */
  | 'revocation-stands'
  /** It is no ephemeral member, or was not away for long enough. */
  | 'not-absent'
  /** The level is the one in force, or a lower one. */
  | 'feature-lower'
  /** The charter was changed since, or its newest change is certified already; or the certificate is not properly signed. */
  | 'certificate-forged'
  /** The charter would be larger than it may be. */
  | 'charter-full'
  /** Another member's, or open under another id: `holder` names whose, or which. */
  | 'alert-exists'
  | 'alert-unknown'
  | 'alert-closed'
  /** As many are open as may be, none of them less severe. */
  | 'alerts-full'
  | 'group-exists'
  | 'group-unknown'
  /** It was there, was removed, and does not come back; or it was moved away, and comes back by a later move only. */
  | 'group-removed'
  /** Of a unit, or of another group here: `holder` names the unit's node, or the group. */
  | 'group-name-taken'
  /** `holder` is one of them. */
  | 'group-has-delegates'
  | 'group-too-deep'
  /** Of the group itself, or of one above it. */
  | 'group-below-itself'
  /** The root stands below nobody. */
  | 'group-outermost'
  /** As many as there may be, in all or by this founder. */
  | 'groups-full'
  /** The unit holds, or waits for, a claim on other resources: it gives that back first. */
  | 'claim-exists'
  | 'claims-full'
  /** The claim was not recalled, or is another one by now. */
  | 'claim-stands'
  | 'schedule-exists'
  | 'schedule-unknown'
  | 'schedules-full'
  /** It is decided already what becomes of this occurrence. */
  | 'occurrence-over'
  /** The occurrence is not due yet by the clock of who says so. */
  | 'occurrence-early'
  /** Once a group has said who it is, only the mesh key changes that. */
  | 'identity-fixed'
  /** Open, or in force, under another id, or of another member: `holder` names which. */
  | 'proposal-exists'
  | 'proposal-unknown'
  /** It is decided otherwise, or what became of it is known. */
  | 'proposal-over'
  /** The same was decided just now. */
  | 'proposal-early'
  | 'proposals-full'
  /** All records together are as large as a snapshot may be. */
  | 'state-full'

/** What came of an operation. */
export type ApplyResult =
  | {
      readonly ok: true
      /** False when the state already said so: asking again is harmless. */
      readonly changed: boolean
      /** For `invitation:redeem` and `member:describe`: the member's record. */
      readonly member?: Member
    }
  | {
      readonly ok: false
      readonly code: RefusalCode
      /** What happened, to what. */
      readonly message: string
      /** Who holds what was asked for: the peer of a taken unit, the unit of a taken name, the id of an alert that is open already. */
      readonly holder?: string
      /** For `version-differs`: the version in force. */
      readonly current?: number | string
    }
