import type { Mutation } from './mutation.ts'

const EPOCH = 'packages/consensus/src/epoch'
const SIMULATOR = 'packages/simulator/src'

/** Recovery and its epochs. */
export const EPOCH_MUTATIONS: readonly Mutation[] = [
  {
    name: 'hear messages of another epoch',
    file: `${EPOCH}/message-of-epoch.ts`,
    find: 'if (epochNamedIn(value) !== epoch) return undefined',
    replace: 'void epochNamedIn',
    seedsMax: 300,
  },
  {
    name: 'go on in an epoch that is over',
    file: `${EPOCH}/epoch-rules.ts`,
    find: "return [{ type: 'stand-down' }, ...peers.flatMap((peer) => this.#tell(peer, nowMs))]",
    replace: 'return peers.flatMap((peer) => this.#tell(peer, nowMs))',
    seedsMax: 300,
  },
  {
    name: 'take the older of two epochs',
    file: `${EPOCH}/parting.ts`,
    find: "if (shown !== known) return shown > known ? 'shown' : 'known'",
    replace: "if (shown !== known) return 'known'",
    seedsMax: 300,
  },
  {
    name: 'overlook that an epoch was started twice',
    file: `${EPOCH}/parting.ts`,
    find: "return known > common ? 'rivals' : 'forked'",
    replace: "return known > common ? 'known' : 'forked'",
    seedsMax: 300,
  },
  {
    name: 'go on deciding beside a rival',
    file: `${EPOCH}/epoch-rules.ts`,
    find: "return [{ type: 'halt', rival }, ...peers.map(",
    replace: 'return [...peers.map(',
    seedsMax: 300,
  },
  {
    name: 'begin an epoch without what was not known to be committed',
    file: `${EPOCH}/next-epoch.ts`,
    find: 'const entries = stored.entries.filter(({ index }) => index > snapshot.index)',
    replace: 'const entries = stored.entries.filter(({ index }) => index > snapshot.index && index <= stored.hardState.commit)',
    seedsMax: 300,
  },
  {
    name: 'begin an epoch in a term that was before',
    file: `${EPOCH}/next-epoch.ts`,
    find: 'const term = lastTerm + 1',
    replace: 'const term = lastTerm',
    seedsMax: 300,
  },
  {
    name: 'bring the log of an epoch that is over into the next',
    file: `${EPOCH}/next-epoch.ts`,
    find: 'return (epochOfLog(stored) ?? epoch) < epoch',
    replace: 'return (epochOfLog(stored) ?? epoch) < epoch && false',
    seedsMax: 300,
  },
  {
    name: 'forget the log before the later epoch is written down',
    file: `${SIMULATOR}/host.ts`,
    find: 'const [enrolment, { life }] = [this.#enrolment, this]',
    replace: 'const [enrolment, { life }] = [this.#enrolment, this]\n    this.disk.replace()',
    seedsMax: 2_500,
  },
]
