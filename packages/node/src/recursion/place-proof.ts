import { canonicalBytes, type Operation } from '@vsmcp/consensus'
import {
  base64urlOf,
  type Clock,
  type GroupId,
  InvalidArgumentError,
  type Logger,
  type MeshId,
  messageOf,
  type PeerIdString,
  type Plane,
} from '@vsmcp/kernel'
import { type Chain, encodeChain, type Identity, verify, withLabel } from '@vsmcp/security'
import { pack } from 'msgpackr'
import { z } from 'zod'
import { CONTROL_DEADLINE_MS } from '../constants.ts'
import { NotBorneOutError } from '../errors.ts'
import { readAs } from '../system5/answers.ts'
import type { Proofs } from '../system5/decisions.ts'
import { gather } from '../system5/gather.ts'
import type { GroupLog } from '../system5/group-log.ts'
import { knownSoon } from '../system5/known-soon.ts'
import type { Trust } from '../system5/trust.ts'
import { CHAIN_TEXT_MAX } from './neighbour-chains.ts'
import type { GroupRecords } from './group-records.ts'
import type { Memberships } from './memberships.ts'

const SIGN_PLACE = 'recursion:sign-place'
const LABEL = 'vsmcp group place'

/** Voters of a group, above any that there may be. */
const SIGNATURES_MAX = 16

const placeField = z.object({ parent: z.string().max(64), move: z.int().positive() })
const signatureField = z.object({ peer: z.string().min(1).max(128), signature: z.instanceof(Uint8Array) })
const proofField = z.object({ chain: z.string().max(CHAIN_TEXT_MAX), signatures: z.array(signatureField).max(SIGNATURES_MAX) })

type Place = z.infer<typeof placeField>

interface PlaceSignature {
  readonly peer: PeerIdString
  readonly signature: Uint8Array
}

export interface PlaceProofsComponents {
  identity: Identity
  mesh: MeshId
  group: GroupId
  log: Pick<GroupLog, 'state' | 'on'>
  trust: Pick<Trust, 'chain'>
  /** Of this group, for its members only. */
  control: Plane
  memberships: Pick<Memberships, 'get'>
  /** Chains of the groups below: those of now, and one that somebody shows. */
  chains: () => Pick<GroupRecords, 'chainOf' | 'hearChain'>
  clock: Clock
  logger: Logger
}

/**
 * That a group has decided where it stands: signatures of a majority of its voters, each by its own docket. A group above is told so by a delegate,
 * and its System 5 takes nothing of it on the word of that one alone: else one dishonest delegate could have its group let go.
 */
export class PlaceProofs implements Proofs {
  readonly #c: PlaceProofsComponents

  constructor(components: PlaceProofsComponents) {
    this.#c = components
    const { control, group } = components
    control.handle(SIGN_PLACE, async ({ payload }) => pack(await this.#sign(readAs(placeField, payload, `a place of ${group}`))))
  }

  /** For what a group above is asked: of the group that it is about, in which this node must have a seat. */
  async of(operation: Operation): Promise<Uint8Array | undefined> {
    if (operation.op !== 'group:placed') return undefined
    const below = this.#c.memberships.get(operation.id)
    return below?.parts.placeProofs.collect({ parent: operation.parent, move: operation.move })
  }

  /** Why System 5 of this group does not go by what a member asks; undefined where it may. */
  flawOf(operation: Operation, proof: Uint8Array | undefined, by: PeerIdString): string | undefined {
    if (operation.op === 'group:await') {
      const listed = this.#c.log.state?.groups.get(operation.id)
      const isHere = listed !== undefined && listed.awaited !== true
      return isHere && operation.move > (listed.move ?? 0)
        ? `${operation.name} is here: it is let go first, by the word of its own voters, before it comes again`
        : undefined
    }
    if (operation.op !== 'group:placed') return undefined
    if (proof === undefined) return `the word of the voters of ${operation.id} is missing: that it stands elsewhere, or here`
    try {
      return this.#flawOfProof(operation, readAs(proofField, proof, `a proof of the voters of ${operation.id}`), by)
    } catch (error) {
      return messageOf(error)
    }
  }

  /** Of this group. Throws `NotBorneOutError` when too few voters sign it. */
  async collect(place: Place): Promise<Uint8Array> {
    const { identity, trust, control, group, logger } = this.#c
    const { chain } = trust
    const asked = chain.voters.map(async (voter): Promise<PlaceSignature | undefined> => {
      try {
        if (voter === identity.peerId) return await this.#sign(place)
        const answer = await control.call(voter, SIGN_PLACE, pack(place), { deadlineMs: CONTROL_DEADLINE_MS })
        const given = readAs(signatureField, answer, `a signature of ${voter}`)
        // Each by itself: one that is wrong would spoil the others.
        return given.peer === voter && this.#isSigned(given, group, place) ? given : undefined
      } catch (error) {
        logger.debug({ group, voter, error: messageOf(error) }, 'a voter did not sign where its group stands')
        return undefined
      }
    })
    const signatures = await gather(asked, ({ length }) => isMost(length, chain))
    if (!isMost(signatures.length, chain)) {
      throw new NotBorneOutError(
        `too few voters of the group bear out where it stands: ${signatures.length} of ${chain.voters.length}`,
        {
          hint: 'A majority of them must be up and connected: see `vsmcp group show`. It is tried again by itself.',
        },
      )
    }
    return pack({ chain: base64urlOf(encodeChain(chain)), signatures })
  }

  #flawOfProof(
    { id, parent, move }: Place & { id: GroupId },
    { chain: shown, signatures }: z.infer<typeof proofField>,
    by: PeerIdString,
  ): string | undefined {
    const chains = this.#c.chains()
    // Voters may have changed since this node heard of them last.
    chains.hearChain(id, shown, by)
    const chain = chains.chainOf(id)
    if (chain === undefined) return `nothing is known here of who votes in ${id}`
    const signers = new Set(
      signatures
        .filter((each) => chain.voters.includes(each.peer) && this.#isSigned(each, id, { parent, move }))
        .map(({ peer }) => peer),
    )
    return isMost(signers.size, chain)
      ? undefined
      : `${signers.size} of ${chain.voters.length} voters of ${id} say so, which is no majority`
  }

  /** Only what this node's own copy of the docket says. */
  async #sign(place: Place): Promise<PlaceSignature> {
    const { identity, group } = this.#c
    const decided = await knownSoon(({ place: now }) => ((now?.move ?? 0) < place.move ? undefined : now), this.#c)
    if (decided?.parent !== place.parent || decided.move !== place.move)
      throw new InvalidArgumentError(`${group} does not stand below ${place.parent} by its move ${place.move}, as known here`)
    return { peer: identity.peerId, signature: identity.sign(this.#sentence(group, place)) }
  }

  #isSigned({ peer, signature }: PlaceSignature, group: GroupId, place: Place): boolean {
    return verify(peer, this.#sentence(group, place), signature)
  }

  #sentence(group: GroupId, { parent, move }: Place): Uint8Array {
    return withLabel(LABEL, canonicalBytes({ mesh: this.#c.mesh, group, parent, move }))
  }
}

function isMost(count: number, { voters }: Pick<Chain, 'voters'>): boolean {
  return count > voters.length / 2
}
