import { bytesOfBase64url, InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'
import {
  changedConfiguration,
  type Configuration,
  type ConfigurationChange,
  configurationAfter,
  decodeConfigurationStep,
  isVoter,
} from './configuration.ts'
import type { Core } from './core.ts'
import type { Entry } from './entry.ts'
import { outcomeOf } from './quorum.ts'

/** A voter's signature under a statement, as entries carry it. */
export interface Endorsement {
  readonly peer: PeerIdString
  /** base64url */
  readonly signature: string
}

/** A change of voters, bound to the term it is proposed in and to the voters it follows: good once. */
export interface VotersStatement {
  /** Term of the leader that proposes it, and of the entry. */
  readonly term: number
  /** `Configuration.version` before: how often the voters were changed. */
  readonly version: number
  /** Before; sorted. */
  readonly voters: readonly PeerIdString[]
  readonly changes: ConfigurationChange['changes']
}

/** What the voters of `before` endorse. */
export function votersStatement(before: Configuration, term: number, { changes }: ConfigurationChange): VotersStatement {
  return { term, version: before.version ?? 0, voters: before.voters, changes }
}

/**
 * What is missing for these endorsements to be enough. One that is wrong, foreign or there twice spoils all: no honest node
 * puts it there. @returns undefined when they are enough
 */
export function lackingEndorsement(
  configuration: Configuration,
  endorsements: readonly Endorsement[],
  verify: (peer: PeerIdString, signature: Uint8Array) => boolean,
  needed: 'majority' | 'all' = 'majority',
): string | undefined {
  const signers = new Set<PeerIdString>()
  for (const { peer, signature } of endorsements) {
    if (!isVoter(configuration, peer)) return `${peer} signed it, and is no voter`
    const raw = bytesOfBase64url(signature)
    if (signers.has(peer) || raw === undefined || !verify(peer, raw)) return `the signature of ${peer} is wrong, or there twice`
    signers.add(peer)
  }
  const { voters, outgoing } = configuration
  const unsigned = voters.concat(outgoing).filter((peer) => !signers.has(peer))
  const enough = needed === 'all' ? unsigned.length === 0 : outcomeOf(configuration, (peer) => signers.has(peer)) === 'won'
  return enough ? undefined : `${signers.size} of its voters signed, ${needed === 'all' ? 'and each must' : 'no majority'}`
}

/** Whether a change touches who votes. Who only listens decides nothing, and is the leader's business. Throws `InvalidArgumentError`. */
export function changesVoters(before: Configuration, change: ConfigurationChange): boolean {
  return changedConfiguration(before, change).version !== before.version
}

/**
 * Rule 5: why a leader's new entries must not be appended. A change of voters needs the endorsement of a majority of those
 * before it; the end of a joint configuration needs none, since the entry before determines it.
 */
export function unendorsedEntry(core: Core, previousIndex: number, entries: readonly Entry[]): string | undefined {
  const last = entries.findLastIndex(({ type }) => type === 'configuration')
  if (last === -1) return undefined
  let configuration = configurationAt(core, previousIndex)
  for (const entry of entries.slice(0, last + 1)) {
    if (entry.type !== 'configuration') continue
    // What is held already was checked when it came.
    const isNew = entry.index > core.log.committed && !core.log.matches(entry.index, entry.term)
    const flaw = isNew ? flawOfEntry(core, configuration, entry) : undefined
    if (flaw !== undefined) return `entry ${entry.index} is a change of voters without endorsement: ${flaw}`
    configuration = configurationAfter(configuration, entry.data)
  }
  return undefined
}

/** The configuration as of the end of entries that follow the log, or as the log has it before them when one of them lacks endorsement. */
export function configurationAfterAll(core: Core, previousIndex: number, entries: readonly Entry[]): Configuration {
  const before = configurationAt(core, previousIndex)
  if (unendorsedEntry(core, previousIndex, entries) !== undefined) return before
  return entries.reduce((at, { type, data }) => (type === 'configuration' ? configurationAfter(at, data) : at), before)
}

/** A configuration and those that changes make of it one after the other, up to the first that lacks endorsement. */
export function configurationsThrough(core: Core, first: Configuration, changes: readonly Entry[]): readonly Configuration[] {
  const all = [first]
  let at = first
  for (const entry of changes) {
    if (flawOfEntry(core, at, entry) !== undefined) break
    at = configurationAfter(at, entry.data)
    all.push(at)
  }
  return all
}

/** What is missing for a change to be proposed in this term. */
export function flawOfChange(
  { components }: Core,
  before: Configuration,
  term: number,
  change: ConfigurationChange,
  endorsements: readonly Endorsement[],
): string | undefined {
  const { verifyEndorsement, needsEndorsement } = components
  if (needsEndorsement?.() === false) return undefined
  if (verifyEndorsement === undefined) return 'this node has nothing to check endorsements with'
  const statement = votersStatement(before, term, change)
  return lackingEndorsement(before, endorsements, (voter, signature) => verifyEndorsement(voter, statement, signature))
}

function flawOfEntry(core: Core, before: Configuration, { data, term }: Entry): string | undefined {
  try {
    const step = decodeConfigurationStep(data)
    if (step === 'leave' || !changesVoters(before, step)) return undefined
    return flawOfChange(core, before, term, step, step.endorsements ?? [])
  } catch (error) {
    // A step that cannot be taken: an honest leader proposes none.
    if (error instanceof InvalidArgumentError) return error.message
    throw error
  }
}

/** The configuration as the log has it up to an index, be it applied, committed or neither. */
function configurationAt({ configuration, configurationIndex, log }: Core, index: number): Configuration {
  let at = configuration
  for (let next = Math.max(log.applied, configurationIndex) + 1; next <= index; next++) {
    const entry = log.entryAt(next)
    if (entry?.type === 'configuration') at = configurationAfter(at, entry.data)
  }
  return at
}
