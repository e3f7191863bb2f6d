import {
  type Applied,
  canonicalBytes,
  changesVoters,
  type CertificateFacts,
  decodeOperation,
  type Endorsement,
  type Entry,
  type GroupState,
  LINKS_BESIDE_ANCHOR,
  type Operation,
  operationStatement,
  policyVersionOf,
  type VotersStatement,
} from '@vsmcp/consensus'
import { bytesOfBase64url, type PeerIdString } from '@vsmcp/kernel'
import { anchorOf, isEndorsement, isMajority, OPERATOR_KEY, sameBytes, signatureOf, signersOf } from './authority.ts'
import { textOf } from './bytes.ts'
import { ChildGroupInvariants } from './child-group-invariants.ts'
import { InvariantBrokenError } from './errors.ts'

interface Issued {
  readonly uses: number
  readonly expiresAtMs: number
  readonly redeemedBy: Set<PeerIdString>
}

/**
 * Keeps its own books of one epoch's charter and docket, entry by entry, and objects when the group's say otherwise. It shares no
 * code with the state machine but the reading of operations.
 */
export class GroupInvariants {
  readonly #outcomes = new Map<number, string>()
  readonly #issued = new Map<string, Issued>()
  readonly #evicted = new Map<PeerIdString, number>()
  readonly #signed = new Map<string, string>()
  readonly #firstSigned = new Map<string, PeerIdString>()
  #policyVersion: number
  /** Voter sets that a chain of certified links leads to, the first included. */
  readonly certified: (readonly PeerIdString[])[]
  readonly children: ChildGroupInvariants
  decided = 0
  redemptions = 0
  evictions = 0
  certificates = 0

  /** @param first what the epoch began with */
  constructor(first: GroupState) {
    const { charter, invitations } = first
    this.children = new ChildGroupInvariants(first)
    this.#policyVersion = policyVersionOf(charter)
    this.certified = [charter.voters]
    for (const { peer, index } of charter.revocations) this.#evicted.set(peer, index)
    for (const [id, { uses, used, expiresAtMs }] of invitations.entries()) {
      const redeemedBy = new Set(Array.from({ length: used }, (_, at) => `somebody before, ${at}`))
      this.#issued.set(id, { uses, expiresAtMs, redeemedBy })
    }
  }

  /** One entry, one outcome, on every node; and the first time it is seen it is held against the books. */
  sawApplied(key: string, entry: Entry, before: GroupState, { state, result }: Applied): void {
    const outcome = `${result.ok ? `ok ${result.changed}` : result.code} ${state.bytes} ${state.members.size} ${state.charter.voters.join()}`
    const known = this.#outcomes.get(entry.index)
    if (known !== undefined) {
      if (known !== outcome) {
        throw new InvariantBrokenError('one outcome', `entry ${entry.index} is "${outcome}" on ${key}, elsewhere "${known}"`)
      }
      return
    }
    this.#outcomes.set(entry.index, outcome)
    if (entry.type === 'configuration') this.#endorsed(entry, before)
    if (entry.type !== 'normal' || !result.ok || !result.changed) return
    this.decided++
    const operation = decodeOperation(entry.data)
    this.#book(operation, entry, before)
    if (operation.op === 'chain:anchor') this.#anchored(operation.anchor, before, state)
    this.children.sawDecided(operation, entry.index)
  }

  /** A voter signs a certificate: one statement about one entry, ever. */
  sawSigned(id: PeerIdString, facts: CertificateFacts): void {
    const key = `${facts.kind} ${facts.index}`
    const says = textOf(canonicalBytes(facts))
    const known = this.#signed.get(key)
    if (known === undefined) {
      this.#signed.set(key, says)
      this.#firstSigned.set(key, id)
    } else if (known !== says) {
      throw new InvariantBrokenError(
        'certificates',
        `${id} signs ${says} about entry ${facts.index}, and ${this.#firstSigned.get(key) ?? '?'} signed ${known}`,
      )
    }
  }

  /** What is signed was committed: some node applied it. */
  sawSignedBefore(id: PeerIdString, facts: CertificateFacts, highestApplied: number): void {
    if (facts.index > highestApplied) {
      throw new InvariantBrokenError('certificates', `${id} signs what entry ${facts.index} did, which is not committed`)
    }
  }

  #book(operation: Operation, { index }: Entry, before: GroupState): void {
    const { author } = operation
    if (this.#evicted.has(author)) {
      throw new InvariantBrokenError('evicted', `${author}, evicted by entry ${this.#evicted.get(author)}, decided ${index}`)
    }
    switch (operation.op) {
      case 'invitation:create':
        this.#issued.set(operation.id, {
          uses: operation.uses,
          expiresAtMs: operation.expiresAtMs,
          redeemedBy: new Set(),
        })
        break
      case 'invitation:redeem':
        this.#redeemed(operation, index)
        break
      case 'member:evict':
        this.#signedByOperator(operation, before)
        this.evictions++
        this.#evicted.set(operation.peer, index)
        break
      case 'member:remove':
        this.#signedBy(operation.peer, operation, before)
        break
      case 'policy:set':
        this.#signedByOperator(operation, before)
        if (operation.expects !== this.#policyVersion) {
          throw new InvariantBrokenError(
            'policy versions',
            `entry ${index} replaces version ${operation.expects}, and ${this.#policyVersion} is in force`,
          )
        }
        this.#policyVersion++
        break
      case 'link:add':
        this.#certified(operation.certificate, before)
        break
      default:
    }
  }

  /** Rule 5: a majority of the voters before has signed a change of voters, for this term and these voters. */
  #endorsed({ index, term, data }: Entry, { configuration, charter }: GroupState): void {
    const step = JSON.parse(textOf(data)) as { changes?: VotersStatement['changes']; endorsements?: readonly Endorsement[] }
    const { changes, endorsements = [] } = step
    if (changes === undefined || !changesVoters(configuration, { changes })) return
    const { voters, version = 0 } = configuration
    const statement = { term, version, voters, changes }
    const signers = endorsements.flatMap(({ peer, signature }) => {
      const given = bytesOfBase64url(signature)
      return given !== undefined && isEndorsement(charter.epoch, peer, statement, given) ? [peer] : []
    })
    if (!isMajority(signers, voters)) {
      throw new InvariantBrokenError(
        'authority',
        `entry ${index} changes the voters ${voters.join()}, endorsed by ${signers.join() || 'nobody'}`,
      )
    }
  }

  #redeemed({ id, peer, atMs }: Extract<Operation, { op: 'invitation:redeem' }>, index: number): void {
    const invitation = this.#issued.get(id)
    if (invitation === undefined) throw new InvariantBrokenError('invitations', `${peer} redeems ${id}, which nobody issued`)
    if (this.#evicted.has(peer))
      throw new InvariantBrokenError('evicted', `${peer}, who was evicted, is let in by entry ${index}`)
    invitation.redeemedBy.add(`${peer} by ${index}`)
    if (invitation.redeemedBy.size > invitation.uses) {
      throw new InvariantBrokenError(
        'invitations',
        `${id}, for ${invitation.uses} uses, was redeemed by ${[...invitation.redeemedBy].join(', ')}`,
      )
    }
    if (atMs >= invitation.expiresAtMs) {
      throw new InvariantBrokenError('invitations', `${id} was redeemed at ${atMs}, and ended at ${invitation.expiresAtMs}`)
    }
    this.redemptions++
  }

  #signedByOperator(operation: Operation & { signature: string }, { charter }: GroupState): void {
    const expected = signatureOf({ publicKey: OPERATOR_KEY }, operationStatement(charter, operation))
    const given = bytesOfBase64url(operation.signature)
    if (given === undefined || !sameBytes(given, expected)) {
      throw new InvariantBrokenError('authority', `${operation.op} took effect without an operator's signature`)
    }
  }

  #signedBy(peer: PeerIdString, operation: Operation & { signature?: string }, { charter }: GroupState): void {
    const expected = signatureOf({ peer }, operationStatement(charter, operation))
    const given = bytesOfBase64url(operation.signature ?? '')
    if (given === undefined || !sameBytes(given, expected)) {
      throw new InvariantBrokenError('authority', `${operation.op} of ${peer} took effect without its signature`)
    }
  }

  /** The mesh key vouches for what went, and what vouches for members stayed. */
  #anchored(anchor: string, { links: before, charter }: GroupState, { links: after }: GroupState): void {
    const count = before.length - after.length + 1
    const certificates = before.map(({ certificate }) => certificate)
    const rest = after.slice(1).map(({ certificate }) => certificate)
    const isKept = rest.length >= LINKS_BESIDE_ANCHOR && rest.join() === certificates.slice(count).join()
    if (anchor !== anchorOf(charter.meshPublicKey, certificates, count) || after[0]?.certificate !== anchor || !isKept) {
      throw new InvariantBrokenError(
        'anchors',
        `${anchor} took the place of ${count} of ${before.length} links, and ${rest.length} stay`,
      )
    }
  }

  /** A change of voters is certified by majorities of those before and of those now, as the log had them. */
  #certified(certificate: string, { pendingChanges, links, charter }: GroupState): void {
    const [change] = pendingChanges
    if (change === undefined) throw new InvariantBrokenError('certificates', 'a certificate of no change was taken')
    const { index, epoch, digestBefore, digestNow, before: votersBefore, now: votersNow, recoverers } = change
    const facts: CertificateFacts = {
      kind: 'link',
      mesh: charter.meshId,
      group: charter.groupId,
      epoch,
      index,
      previous: links.at(-1)?.certificate,
      digestBefore,
      digestNow,
      votersBefore,
      votersNow,
      ...(recoverers && { recoverers }),
    }
    const signers = signersOf(certificate, facts)
    if (!isMajority(signers, votersBefore) || !isMajority(signers, votersNow)) {
      throw new InvariantBrokenError(
        'certificates',
        `the change of entry ${index} counts as certified by ${signers.join() || 'nobody'}`,
      )
    }
    this.certified.push(votersNow)
    this.certificates++
  }
}
