import { InvalidArgumentError, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { CONFIGURATION_CHANGES_MAX, LEARNERS_MAX, PEER_ID_MAX, SIGNATURE_TEXT_MAX, VOTERS_MAX } from '../constants.ts'
import { byCodeUnit, canonicalBytes, isObject, parseJson } from '../json/json.ts'
import type { Endorsement } from './endorsement.ts'

/**
 * Who votes and who listens. While `outgoing` is not empty the configuration is joint: elections and commits need a
 * majority of `voters` and one of `outgoing` (Ongaro's dissertation, 4.3). Lists are sorted and without doubles.
 */
export interface Configuration {
  readonly voters: readonly PeerIdString[]
  /** Voters of the configuration being left. */
  readonly outgoing: readonly PeerIdString[]
  readonly learners: readonly PeerIdString[]
  /** Voters of `outgoing` that become learners when the joint configuration is left. */
  readonly learnersNext: readonly PeerIdString[]
  /** The leader leaves the joint configuration by itself as soon as it is committed. */
  readonly autoLeave: boolean
  /** How often the voters were changed (the end of a joint configuration is no change by itself): what endorsements are bound to. Absent: never. */
  readonly version?: number
}

/** `voter` adds or promotes, `learner` adds or demotes, `remove` takes out. */
export interface MemberChange {
  readonly type: 'voter' | 'learner' | 'remove'
  readonly peer: PeerIdString
}

/** Takes effect as a whole: through a joint configuration when more than one voter differs. */
export interface ConfigurationChange {
  readonly changes: readonly MemberChange[]
}

export const EMPTY_CONFIGURATION: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0
}

/** Whether `peer` has a vote in either half. */
export function isVoter({ voters, outgoing }: Configuration, peer: PeerIdString): boolean {
  return voters.includes(peer) || outgoing.includes(peer)
}

/** Everybody the leader replicates to, sorted. */
export function membersOf({ voters, outgoing, learners }: Configuration): readonly PeerIdString[] {
  return sorted(new Set([...voters, ...outgoing, ...learners]))
}

/** The voters of both halves, sorted. */
export function votersOf({ voters, outgoing }: Configuration): readonly PeerIdString[] {
  return outgoing.length === 0 ? voters : sorted(new Set([...voters, ...outgoing]))
}

/** What `change` makes of `before`. Throws `InvalidArgumentError` when it makes nothing that may be. */
export function changedConfiguration(before: Configuration, change: ConfigurationChange): Configuration {
  if (isJoint(before)) throw new InvalidArgumentError('the configuration is joint: it must be left before the next change')
  const voters = new Set(before.voters)
  const learners = new Set(before.learners)
  for (const { type, peer } of change.changes) {
    voters.delete(peer)
    learners.delete(peer)
    if (type === 'voter') voters.add(peer)
    if (type === 'learner') learners.add(peer)
  }
  if (voters.size === 0) throw new InvalidArgumentError('the change would leave no voter')
  if (voters.size > VOTERS_MAX) throw new InvalidArgumentError(`the change would make more than ${VOTERS_MAX} voters`)
  if (learners.size > LEARNERS_MAX) throw new InvalidArgumentError(`the change would make more than ${LEARNERS_MAX} learners`)
  const outgoing = before.voters
  const differing =
    [...voters].filter((peer) => !outgoing.includes(peer)).length + outgoing.filter((peer) => !voters.has(peer)).length
  const after: Configuration = {
    ...EMPTY_CONFIGURATION,
    voters: sorted(voters),
    learners: sorted(learners),
    ...versionAfter(before, differing > 0),
  }
  if (differing <= 1) return after
  // A voter must not listen only while its old half still counts its vote: it becomes a learner when the joint configuration is left.
  const demoted = after.learners.filter((peer) => outgoing.includes(peer))
  return {
    voters: after.voters,
    outgoing,
    learners: after.learners.filter((peer) => !outgoing.includes(peer)),
    learnersNext: demoted,
    autoLeave: true,
    ...versionAfter(before, true),
  }
}

/** The configuration after a joint one. Throws `InvalidArgumentError` when `before` is not joint. */
export function leftConfiguration(before: Configuration): Configuration {
  if (!isJoint(before)) throw new InvalidArgumentError('the configuration is not joint: there is nothing to leave')
  return {
    ...EMPTY_CONFIGURATION,
    voters: before.voters,
    learners: sorted(new Set([...before.learners, ...before.learnersNext])),
    ...versionAfter(before, false),
  }
}

function versionAfter({ version = 0 }: Configuration, votersChange: boolean): { version?: number } {
  const next = votersChange ? version + 1 : version
  return next === 0 ? {} : { version: next }
}

/** A change as an entry carries it, with the signatures of the voters that bear it out. */
export interface EndorsedChange extends ConfigurationChange {
  /** Absent where none are needed. */
  readonly endorsements?: readonly Endorsement[]
}

/** What a `configuration` entry asks for. */
export type ConfigurationStep = EndorsedChange | 'leave'

export function encodeConfigurationStep(step: ConfigurationStep): Uint8Array {
  if (step === 'leave') return canonicalBytes({ leave: true })
  const endorsements = (step.endorsements ?? []).map(({ peer, signature }) => ({ peer, signature }))
  return canonicalBytes({
    changes: step.changes.map(({ type, peer }) => ({ type, peer })),
    endorsements: endorsements.length === 0 ? undefined : endorsements,
  })
}

/** Throws `InvalidArgumentError`. */
export function decodeConfigurationStep(data: Uint8Array): ConfigurationStep {
  let value: unknown
  try {
    value = parseJson(data)
  } catch (error) {
    throw new InvalidArgumentError(`a configuration entry is not JSON: ${messageOf(error)}`, { cause: error })
  }
  if (isObject(value) && value['leave'] === true) return 'leave'
  const endorsements = endorsementsOf(value)
  return { ...checkedChange(value), ...(endorsements.length === 0 ? {} : { endorsements }) }
}

function endorsementsOf(value: unknown): readonly Endorsement[] {
  const endorsements = isObject(value) ? (value['endorsements'] ?? []) : []
  if (!Array.isArray(endorsements) || endorsements.length > VOTERS_MAX) {
    throw new InvalidArgumentError(`a change of configuration has up to ${VOTERS_MAX} endorsements`)
  }
  return endorsements.map((item: unknown): Endorsement => {
    const { peer, signature } = isObject(item) ? item : {}
    if (!isPeer(peer) || typeof signature !== 'string' || signature.length > SIGNATURE_TEXT_MAX) {
      throw new InvalidArgumentError('a change of configuration has an endorsement that is none')
    }
    return { peer, signature }
  })
}

function isPeer(value: unknown): value is PeerIdString {
  return typeof value === 'string' && value.length > 0 && value.length <= PEER_ID_MAX
}

/** Throws `InvalidArgumentError` unless `value` is a change of at least one and at most `CONFIGURATION_CHANGES_MAX` members, each named once. */
export function checkedChange(value: unknown): ConfigurationChange {
  const changes = isObject(value) ? value['changes'] : undefined
  if (!Array.isArray(changes) || changes.length === 0 || changes.length > CONFIGURATION_CHANGES_MAX) {
    throw new InvalidArgumentError(`a change of configuration needs 1 to ${CONFIGURATION_CHANGES_MAX} changes`)
  }
  const seen = new Set<PeerIdString>()
  return {
    changes: changes.map((item: unknown): MemberChange => {
      const { type, peer } = isObject(item) ? item : {}
      if (!isPeer(peer) || seen.has(peer)) {
        throw new InvalidArgumentError('a change of configuration names a peer twice, or something that is no peer')
      }
      if (type !== 'voter' && type !== 'learner' && type !== 'remove') {
        throw new InvalidArgumentError(`a change of configuration of ${peer} is none of voter, learner, remove`)
      }
      seen.add(peer)
      return { type, peer }
    }),
  }
}

/**
 * The configuration after a committed entry. Total and deterministic: a step that cannot be taken is taken by nobody.
 * (An honest leader proposes none such.)
 */
export function configurationAfter(before: Configuration, data: Uint8Array): Configuration {
  try {
    const step = decodeConfigurationStep(data)
    return step === 'leave' ? leftConfiguration(before) : changedConfiguration(before, step)
  } catch (error) {
    if (error instanceof InvalidArgumentError) return before
    throw error
  }
}

function sorted(peers: Iterable<PeerIdString>): readonly PeerIdString[] {
  return [...peers].sort(byCodeUnit)
}
