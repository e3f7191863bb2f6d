import { INFLIGHT_APPENDS_MAX, INFLIGHT_BYTES_MAX } from '../constants.ts'

export type ProgressState = 'probe' | 'replicate' | 'snapshot'

interface Inflight {
  /** Index of the append's last entry. */
  readonly last: number
  readonly bytes: number
}

/**
 * What a leader knows of one other log, and how fast it may send to it (etcd-io/raft, `tracker/progress.go`):
 * `probe` sends one append and waits, to find where the logs part; `replicate` sends ahead up to a bound; `snapshot`
 * waits for one to be installed.
 */
export class Progress {
  /** The logs surely agree up to here. */
  match = 0
  /** The next entry to send. */
  next: number
  state: ProgressState = 'probe'
  /** Heard from since the last check of the quorum. */
  active: boolean
  /** When it was last heard from; `-Infinity` for never. */
  heardAtMs = Number.NEGATIVE_INFINITY
  /** Has answered in the leader's term: it needs no proof of the election any more. */
  knowsTerm = false
  /** Said that it cannot verify the election: it is to be shown what came before, entry by entry. */
  lacksProof = false
  /** False for a node that may not vote (rule 8): its log counts towards no majority. */
  counted = true
  /** In `snapshot`: its index, and when it was sent. */
  snapshotIndex = 0
  snapshotSentAtMs = 0
  #probeSent = false
  readonly #inflight: Inflight[] = []
  #inflightBytes = 0
  #sentCommit = 0

  constructor(next: number, active: boolean) {
    this.next = next
    this.active = active
  }

  /** Whether nothing may be sent now. */
  get paused(): boolean {
    if (this.state === 'probe') return this.#probeSent
    return this.state === 'snapshot' || this.full
  }

  /** Whether as much is unanswered as may be. */
  get full(): boolean {
    return this.#inflight.length >= INFLIGHT_APPENDS_MAX || this.#inflightBytes >= INFLIGHT_BYTES_MAX
  }

  get inflightCount(): number {
    return this.#inflight.length
  }

  becomeProbe(): void {
    // After a snapshot that may have arrived, start behind it: it is not sent twice for a lost answer, and a refusal leads back.
    this.next = Math.max(this.match, this.state === 'snapshot' ? this.snapshotIndex : 0) + 1
    this.#reset('probe')
  }

  becomeReplicate(): void {
    this.#reset('replicate')
    this.next = this.match + 1
  }

  becomeSnapshot(index: number, nowMs: number): void {
    this.#reset('snapshot')
    this.snapshotIndex = index
    this.snapshotSentAtMs = nowMs
    this.next = index + 1
  }

  /** An append up to `last` (its last entry, or what it follows) was sent, together with the commit index. */
  sent(last: number, bytes: number, commit: number): void {
    this.#sentCommit = Math.min(commit, last)
    if (this.state === 'probe') {
      this.#probeSent = true
      return
    }
    if (bytes === 0) return
    this.next = last + 1
    this.#inflight.push({ last, bytes })
    this.#inflightBytes += bytes
  }

  /** Whether the peer could commit more of what it was sent, if only it knew. (A lost word of it is repeated by heartbeats.) */
  mayCommitFurther(commit: number): boolean {
    return Math.min(commit, this.next - 1) > this.#sentCommit
  }

  /** The peer accepted up to `index`. @returns whether that says something new: more than before, or where to go on from a probe */
  accepted(index: number): boolean {
    while ((this.#inflight[0]?.last ?? Number.POSITIVE_INFINITY) <= index) this.#freeFirst()
    const news = index > this.match || (index === this.match && this.state === 'probe')
    if (!news) return false
    this.match = index
    this.next = Math.max(this.next, index + 1)
    this.#probeSent = false
    return true
  }

  /** The peer refused an append that began after `previous` and suggests to go back to `hint`. @returns whether that was news */
  refused(previous: number, hint: number): boolean {
    if (!this.counted && this.state !== 'snapshot') {
      // It may be one of two processes with this identity: what the other acknowledged says nothing of this one's log.
      this.match = 0
      this.#reset('probe')
      this.next = Math.max(1, Math.min(previous, hint + 1))
      return true
    }
    if (this.state === 'replicate') {
      // An old refusal: the peer has since accepted more.
      if (previous <= this.match) return false
      this.becomeProbe()
      return true
    }
    if (this.state === 'snapshot' || this.next - 1 !== previous) return false
    const next = Math.max(Math.min(previous, hint + 1), this.match + 1)
    // It leads no further back: the same again would get the same answer, as fast as the network carries them. A heartbeat tries it again.
    if (next === this.next) return false
    this.next = next
    this.#probeSent = false
    return true
  }

  /** The peer's disk was restored: what it once acknowledged may be gone, so all of it is found out anew. */
  distrust(lastIndex: number): void {
    if (!this.counted) return
    this.counted = false
    this.match = 0
    this.#reset('probe')
    this.next = lastIndex + 1
  }

  heard(nowMs: number): void {
    this.active = true
    this.knowsTerm = true
    this.lacksProof = false
    this.heardAtMs = nowMs
  }

  /** The peer answers heartbeats: a probe, or a window full of appends that got lost, may be tried again. */
  tryAgain(): void {
    this.#probeSent = false
    if (this.state === 'replicate' && this.full) this.#freeFirst()
  }

  #freeFirst(): void {
    this.#inflightBytes -= this.#inflight.shift()?.bytes ?? 0
  }

  #reset(state: ProgressState): void {
    this.state = state
    this.#probeSent = false
    this.#inflight.length = 0
    this.#inflightBytes = 0
    this.#sentCommit = 0
  }
}
