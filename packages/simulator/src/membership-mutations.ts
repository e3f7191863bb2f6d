import type { Mutation } from './mutation.ts'

const MEMBERSHIP = 'packages/membership/src'

/** Who is alive, and whom to dial. */
export const MEMBERSHIP_MUTATIONS: readonly Mutation[] = [
  {
    name: 'declare failed without suspicion',
    file: `${MEMBERSHIP}/detector.ts`,
    find: "this.#host.table.enter(known, 'suspect', { kind: 'silent', sinceMs: startedMs, asked }, nowMs)",
    replace: "this.#host.table.enter(known, 'failed', { kind: 'silent', sinceMs: startedMs, asked }, nowMs)",
    seedsMax: 20,
  },
  {
    name: 'fail a connected member on the word of others',
    file: `${MEMBERSHIP}/detector.ts`,
    find: 'return this.#speaking.has(peer) && suspicion?.witnesses.has(this.#init.self) !== true',
    replace: 'return false && this.#speaking.has(peer) && suspicion?.witnesses.has(this.#init.self) !== true',
    // Else the regular round of probes of a group this small comes by first.
    also: [{ file: `${MEMBERSHIP}/constants.ts`, find: 'SUSPICION_PERIODS = 4', replace: 'SUSPICION_PERIODS = 1' }],
    seedsMax: 600,
  },
  {
    name: 'ignore a refutation',
    file: `${MEMBERSHIP}/detector.ts`,
    find: 'if (isNews) this.#hearNews(rumor, known, from, nowMs)',
    replace: "if (isNews && known.state === 'alive') this.#hearNews(rumor, known, from, nowMs)",
    seedsMax: 100,
  },
  {
    name: 'believe words that the member never signed',
    file: `${MEMBERSHIP}/detector.ts`,
    find: 'if (isNews && rumor.incarnation > 0 && !this.#isSigned(rumor)) return false',
    replace: 'void this.#isSigned',
    seedsMax: 50,
  },
  {
    name: 'never dial again',
    file: `${MEMBERSHIP}/dialing.ts`,
    find: 'if (!line.isGone) this.#plan(peer, line, nowMs + (line.attempts <= 1 ? this.#yieldTo(peer) : this.#backoff(line)))',
    replace: '',
    seedsMax: 20,
  },
]
