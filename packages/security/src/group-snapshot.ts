import { canonicalBytes, type Configuration, decodeGroupState, type GroupState } from '@vsmcp/consensus'
import { VsmcpError } from '@vsmcp/kernel'
import { type Chain, verifyChain } from './chain.ts'
import { vouchedCharter } from './charter-bundle.ts'
import { FIRST_ERA_INDEX } from './constants.ts'
import { ChainBrokenError } from './errors.ts'
import type { Link } from './link.ts'
import { mergeChain } from './merge-chain.ts'
import { orThrow } from './verdict.ts'

/** A snapshot as a leader sends it. */
export interface ShownSnapshot {
  readonly configuration: Configuration
  /** Of the group's state. */
  readonly data: Uint8Array
}

export interface SnapshotCheck {
  /** What is known here of the voters. */
  readonly chain: Chain
  /** The state held here, if any. */
  readonly held?: GroupState | undefined
  /** Reads a certificate as the docket carries it. May throw for what is none. */
  readonly decodeCertificate: (text: string) => Link
}

/**
 * Why a leader's snapshot must not be installed (rule 5): a snapshot stands for entries that this node will never see, so its charter
 * and voters must be certified, and no older than what is known here. A leader sends none while a change of voters is under way or
 * waits for its certificate. The docket in it is believed: it grants nothing without a majority's signatures.
 * @returns undefined when it may be installed
 */
export function flawOfSnapshot({ configuration, data }: ShownSnapshot, check: SnapshotCheck): string | undefined {
  try {
    const state = decodeGroupState(data)
    const { charter, pendingChanges } = state
    if (configuration.outgoing.length > 0 || state.configuration.outgoing.length > 0 || pendingChanges.length > 0) {
      return 'its voters are not certified yet'
    }
    if (!isSame(configuration, state.configuration) || !isSame(charter.voters, configuration.voters)) {
      return 'it names other voters than its charter'
    }
    return flawOfCharter(state, check)
  } catch (error) {
    return error instanceof VsmcpError ? error.message : 'a certificate in it cannot be read'
  }
}

function flawOfCharter({ charter, charterMark, links }: GroupState, check: SnapshotCheck): string | undefined {
  const { held, decodeCertificate } = check
  const chain = chainOf(links, check)
  // What was applied here needs no certificate: this node has seen the entries that made it.
  if (held !== undefined && isSame(held.charter, charter)) return undefined
  const text = charterMark?.certificate
  const certificate = text === undefined ? undefined : decodeCertificate(text)
  const { epoch, index } = vouchedCharter(canonicalBytes(charter), certificate, chain)
  const known = held?.charterMark
  const isStale = known !== undefined && (epoch - known.epoch || index - known.index) < 0
  return isStale ? `its charter is of index ${index}, and one of ${known.index} is known here` : undefined
}

/** The chain as of the snapshot, which may be older or newer than the one known here, never a fork of it. Throws what `mergeChain` refuses with. */
function chainOf(links: GroupState['links'], { chain, decodeCertificate }: SnapshotCheck): Chain {
  const { meshId, firstCharter } = chain
  const shown = { firstCharter, links: links.map(({ certificate }) => decodeCertificate(certificate)) }
  const merged = mergeChain(chain, shown)
  // The one that counts may be longer, or stand on an anchor where the snapshot holds all links.
  const isSameChain = merged.index === newestIndex(links) && merged.links.length === links.length
  const at = isSameChain ? merged : orThrow(verifyChain({ meshId, ...shown }))
  if (links.every(({ index }, i) => at.eras[i + 1]?.index === index)) return at
  throw new ChainBrokenError('the docket names other changes of voters than their certificates', {
    hint: 'Trust nothing from whoever showed it.',
  })
}

function newestIndex(links: GroupState['links']): number {
  return links.at(-1)?.index ?? FIRST_ERA_INDEX
}

function isSame(a: unknown, b: unknown): boolean {
  return Buffer.from(canonicalBytes(a)).equals(canonicalBytes(b))
}
