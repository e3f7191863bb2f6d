import type { Mutation } from './mutation.ts'

const RAFT = 'packages/consensus/src/raft'
const SIMULATOR = 'packages/simulator/src'

/** Rules of consensus. */
export const RAFT_MUTATIONS: readonly Mutation[] = [
  {
    name: 'vote twice in a term',
    file: `${RAFT}/election.ts`,
    find: '&& free && core.log.isOutdoneBy(message.lastTerm, message.lastIndex)',
    replace: '&& (free || true) && core.log.isOutdoneBy(message.lastTerm, message.lastIndex)',
    seedsMax: 50,
  },
  {
    name: 'vote for a shorter log',
    file: `${RAFT}/election.ts`,
    find: '&& free && core.log.isOutdoneBy(message.lastTerm, message.lastIndex)',
    replace: '&& free',
    seedsMax: 6_000,
  },
  {
    name: 'skip the fsync',
    file: `${RAFT}/raft-node.ts`,
    find: `      mustSync:
        entries.length > 0 ||`,
    replace: `      mustSync:
        false && entries.length > 0 ||`,
    seedsMax: 300,
  },
  {
    name: 'skip the fsync of a vote',
    file: `${RAFT}/raft-node.ts`,
    find: `        hardState.term !== this.#hardState.term ||
        hardState.vote !== this.#hardState.vote,`,
    replace: '        false,',
    seedsMax: 300,
  },
  {
    name: 'commit an entry of an old term by counting',
    file: `${RAFT}/replication.ts`,
    find: 'if (reached <= before || !log.matches(reached, core.term)) return',
    replace: 'if (reached <= before) return',
    // Else an old entry is always acknowledged together with the no-op behind it.
    also: [{ file: 'packages/consensus/src/constants.ts', find: 'APPEND_ENTRIES_MAX = 512', replace: 'APPEND_ENTRIES_MAX = 1' }],
    seedsMax: 50,
  },
  {
    name: 'skip the no-op',
    file: `${RAFT}/election.ts`,
    find: "core.pendingConfigurationIndex = appendOwn(core, 'noop', new Uint8Array()).index",
    replace: 'core.pendingConfigurationIndex = core.log.lastIndex\n  void appendOwn',
    seedsMax: 50,
  },
  {
    name: 'forget joint majorities when electing',
    file: `${RAFT}/quorum.ts`,
    find: 'const halves = [outcomeOfHalf(voters, ballot), outcomeOfHalf(outgoing, ballot)]',
    replace: 'const halves = [outcomeOfHalf(voters, ballot)]',
    seedsMax: 300,
  },
  {
    name: 'forget joint majorities when committing',
    file: `${RAFT}/quorum.ts`,
    find: 'return Math.min(reachedByMajority(voters, reachedBy), reachedByMajority(outgoing, reachedBy))',
    replace: 'return reachedByMajority(voters, reachedBy)\n  void outgoing',
    seedsMax: 600,
  },
  {
    name: 'read without asking the quorum',
    file: `${RAFT}/reads.ts`,
    find: 'const confirmed = reachedByQuorum(configuration, (peer) => (peer === self ? this.round : (this.#answered.get(peer) ?? 0)))',
    replace: 'const confirmed = this.round',
    seedsMax: 1_600,
  },
  {
    name: 'read before the no-op is committed',
    file: `${RAFT}/replication.ts`,
    find: "return core.role === 'leader' && core.reads.hasWaiting && core.log.matches(core.log.committed, core.term)",
    replace: "return core.role === 'leader' && core.reads.hasWaiting",
    seedsMax: 2_000,
  },
  {
    name: 'let a restored disk vote',
    file: `${RAFT}/core.ts`,
    find: 'this.mayVote = init.mayVote ?? true',
    replace: 'this.mayVote = true',
    seedsMax: 100,
  },
  {
    name: 'count what a copy acknowledges',
    file: `${RAFT}/replication.ts`,
    find: 'return progress?.counted === true ? progress.match : 0',
    replace: 'return progress?.match ?? 0',
    seedsMax: 2_000,
  },
  {
    name: 'no pre-vote',
    file: `${RAFT}/election.ts`,
    find: '  else becomePreCandidate(core)',
    replace: '  else becomeCandidate(core, false)',
    seedsMax: 20,
  },
  {
    name: 'pre-vote for whoever asks',
    file: `${RAFT}/quorum.ts`,
    find: "return halves.includes('pending') ? 'pending' : 'won'",
    replace: "return 'won'",
    seedsMax: 20,
  },
  {
    name: 'step up terms without proof',
    file: `${RAFT}/terms.ts`,
    find: 'core.becomeFollower(core.term + 1, within && leads ? from : undefined)',
    replace: 'core.becomeFollower(term, within && leads ? from : undefined)',
    seedsMax: 50,
  },
  {
    name: 'send before writing',
    file: `${SIMULATOR}/host.ts`,
    find: '      this.#writing = ready\n',
    replace:
      '      this.#writing = ready\n      for (const { to, message } of ready.messages) this.#events.sent(this, to, message)\n',
    seedsMax: 300,
  },
  {
    name: 'apply before commit',
    file: `${RAFT}/log.ts`,
    find: 'return this.slice(this.#applied + 1, this.#committed, countMax, bytesMax)',
    replace: 'return this.slice(this.#applied + 1, this.#stable, countMax, bytesMax)',
    seedsMax: 20,
  },
  {
    name: 'overwrite without looking what comes before',
    file: `${RAFT}/following.ts`,
    find: 'if (!log.matches(previousIndex, previousTerm)) {',
    replace: 'if (previousIndex > log.lastIndex) {',
    seedsMax: 300,
  },
  {
    name: 'commit what the leader’s message does not vouch for',
    file: `${RAFT}/following.ts`,
    find: 'log.commitTo(Math.min(message.commit, lastNew))',
    replace: 'log.commitTo(message.commit)',
    // Else a message vouches for all that its leader has, or begins just where the logs part.
    also: [
      { file: 'packages/consensus/src/constants.ts', find: 'APPEND_ENTRIES_MAX = 512', replace: 'APPEND_ENTRIES_MAX = 1' },
      {
        file: `${RAFT}/replication.ts`,
        find: 'const hint = hintTerm > 0 ? core.log.lastNotAbove(hintIndex, hintTerm).index : hintIndex',
        replace: 'const hint = Math.max(0, hintTerm > 0 ? core.log.lastNotAbove(hintIndex, hintTerm).index - 2 : hintIndex)',
      },
    ],
    seedsMax: 300,
  },
  {
    name: 'heartbeats commit what the follower may lack',
    file: `${RAFT}/replication.ts`,
    find: 'const commit = Math.min(countedMatch(progress), core.log.committed)',
    replace: 'const commit = core.log.committed',
    seedsMax: 300,
  },
  {
    name: 'tell the original what a copy acknowledged',
    file: `${RAFT}/replication.ts`,
    find: 'const commit = Math.min(countedMatch(progress), core.log.committed)',
    replace: 'const commit = Math.min(progress.match, core.log.committed)',
    seedsMax: 2_000,
  },
  {
    name: 'take the words of a copy for those of the original',
    file: `${RAFT}/progress.ts`,
    find: "if (!this.counted && this.state !== 'snapshot') {",
    replace: 'if (false) {',
    seedsMax: 2_000,
  },
  {
    name: 'believe no leader that was elected by voters one has yet to hear of',
    file: `${RAFT}/terms.ts`,
    find: 'if (follows && won(configurationAfterAll(core, previousIndex, entries))) return true',
    replace: 'void follows',
    seedsMax: 2_000,
  },
  {
    name: 'a second change of voters before the first is applied',
    file: `${RAFT}/membership.ts`,
    find: 'if (core.pendingConfigurationIndex > core.log.applied || isJoint(core.configuration)) {',
    replace: 'if (isJoint(core.configuration)) {',
    seedsMax: 2_000,
  },
  {
    name: 'accept entries without endorsements',
    file: `${RAFT}/endorsement.ts`,
    find: 'const flaw = isNew ? flawOfEntry(core, configuration, entry) : undefined',
    replace: 'const flaw = isNew ? void flawOfEntry : undefined',
    seedsMax: 100,
  },
]
