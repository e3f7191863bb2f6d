import { decodeGroupState, encodeGroupState, type StoredRaft } from '@vsmcp/consensus'
import { sameBytes } from './authority.ts'
import { type Chain, epochOf } from './chain.ts'
import { InvariantBrokenError } from './errors.ts'
import type { Host } from './host.ts'

/** Sees every chain that is shown to a process, and objects when one goes on deciding that should not (rule 9). */
export class EpochInvariants {
  /** By process: the latest epoch that it was shown. */
  readonly #met = new Map<string, number>()
  /** Processes, each with an epoch, that were shown that it was started twice. */
  readonly #rivals = new Set<string>()
  recoveries = 0
  rivals = 0

  sawShown(host: Host, shown: Chain): void {
    const { key, chain } = host
    const epoch = epochOf(shown)
    this.#met.set(key, Math.max(epoch, this.#met.get(key) ?? 1))
    if (epoch !== epochOf(chain) || shown.at(-1)?.id === chain.at(-1)?.id) return
    this.#rivals.add(`${key} ${epoch}`)
    this.rivals++
  }

  /** A process writes, sends or applies something of its log. */
  sawDeciding({ key, epoch }: Host): void {
    const met = this.#met.get(key) ?? 1
    if (met > epoch)
      throw new InvariantBrokenError('epochs', `${key} goes on in epoch ${epoch}, and was shown one of epoch ${met}`)
    if (this.#rivals.has(`${key} ${epoch}`))
      throw new InvariantBrokenError('epochs', `${key} goes on in epoch ${epoch}, and was shown that it was started twice`)
  }

  /** Nothing that is said about the log of one epoch is heard in another, be it one that bears the same number. */
  sawHeard({ key, chain }: Host, from: string, recovery: string | undefined): void {
    const own = chain.at(-1)?.id
    if (recovery !== own)
      throw new InvariantBrokenError('epochs', `${key}, in epoch ${own ?? 1}, heard ${from} speak of epoch ${recovery ?? 1}`)
  }

  /** What the process had heard and not written down it has heard no more. That an epoch has a rival is written down at once. */
  forget({ key }: Host): void {
    this.#met.delete(key)
  }

  /** An epoch begins above all that its first voter may have acknowledged, and with all of it. */
  sawRecovery(host: Host, before: StoredRaft, { snapshot, hardState }: StoredRaft): void {
    this.recoveries++
    const last = before.entries.at(-1)?.index ?? before.snapshot?.index ?? 0
    if (snapshot === undefined || snapshot.index <= last || hardState.term <= before.hardState.term) {
      throw new InvariantBrokenError(
        'epochs',
        `${host.key} begins an epoch at ${snapshot?.index}/${hardState.term}, and its log went on to ${last}/${before.hardState.term}`,
      )
    }
    if (host.state === undefined || host.applied !== last) return
    const { configuration, pendingChanges, charterMark, links, charter } = host.state
    const begun = decodeGroupState(snapshot.data)
    const { epoch, voters } = charter
    const same = { configuration, pendingChanges, charterMark, links, charter: { ...begun.charter, epoch, voters } }
    if (!sameBytes(encodeGroupState({ ...begun, ...same }), encodeGroupState(host.state))) {
      throw new InvariantBrokenError('epochs', `${host.key} begins an epoch with another state than it had applied`)
    }
  }
}
