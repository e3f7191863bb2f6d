import { type PeerIdString, type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import { LIFE_MS } from './constants.ts'
import type { Weather } from './network.ts'

/** Whom something happens to: the `nth` of those that lead, or of all; told only when it happens. */
export interface Target {
  readonly of: 'leaders' | 'all'
  readonly nth: number
}

/** What goes wrong. `forMs` is how long. */
export type Fault =
  | { readonly kind: 'weather'; readonly weather: Weather }
  /** Nothing gets from one side to the other, nor back unless `oneWay`. After `noticedMs` the connections count as closed. */
  | {
      readonly kind: 'partition'
      readonly whom: Target
      readonly others: number
      readonly oneWay: boolean
      readonly noticedMs: number | undefined
      readonly forMs: number
    }
  | { readonly kind: 'pause'; readonly whom: Target; readonly forMs: number }
  /** `torn`: of the writes under way the first few are on disk. */
  | { readonly kind: 'crash'; readonly whom: Target; readonly torn: boolean; readonly told: boolean; readonly forMs: number }
  /** The data directory is put back to what it was when the backup was taken, and the process starts on it. */
  | { readonly kind: 'restore'; readonly whom: Target }
  /** A copy of the data directory is started elsewhere while the original runs. */
  | { readonly kind: 'clone'; readonly whom: Target; readonly forMs: number }
  /** A leader that nobody should follow: it proposes voters without the others' endorsement. */
  | { readonly kind: 'rogue'; readonly whom: Target; readonly forMs: number }
  /** A member says of another that it failed, in words that the other never said and in those that it did. */
  | { readonly kind: 'slander'; readonly whom: Target; readonly victim: Target }
  | { readonly kind: 'clock-leap'; readonly whom: Target; readonly aheadMs: number }
  | { readonly kind: 'clock-drift'; readonly whom: Target; readonly rate: number }
  | { readonly kind: 'wall-leap'; readonly whom: Target; readonly byMs: number }
  | { readonly kind: 'slow-disk'; readonly whom: Target; readonly diskMs: number; readonly forMs: number }
  /** The connections of one close and are made again. */
  | { readonly kind: 'flap'; readonly whom: Target; readonly told: number }
  /** Some believe that one is gone, rightly or not, and stand for election together. */
  | { readonly kind: 'stampede'; readonly whom: Target; readonly eager: number }
  /** A leader asks for other voters, and is cut off, together with those whose bits are in `near`, just when both halves count. */
  | Recover
  | { readonly kind: 'ambush'; readonly whom: Target; readonly wanted: number; readonly near: number; readonly forMs: number }

/** The last resort of a person, taken rightly or not: see `isWhole` for who comes through. */
export type Recover = {
  readonly kind: 'recover'
  readonly whom: Target
  readonly rival: Target | undefined
  /** Who is switched off meanwhile, a bit for each process. */
  readonly lost: number
  readonly forMs: number
}

/** What people and programs do meanwhile. */
export type Deed =
  | { readonly kind: 'policy-set'; readonly whom: Target; readonly value: number; readonly stale: boolean }
  | { readonly kind: 'policy-read'; readonly whom: Target }
  | { readonly kind: 'backup'; readonly whom: Target }
  | { readonly kind: 'invite'; readonly whom: Target; readonly uses: number; readonly lifeMs: number }
  /** Some peer redeems an invitation, a new one or one that did before. */
  | {
      readonly kind: 'redeem'
      readonly whom: Target
      readonly invitation: number
      readonly peer: number
      readonly twice: boolean
    }
  | { readonly kind: 'leave'; readonly whom: Target }
  | { readonly kind: 'evict'; readonly whom: Target; readonly by: Target }
  /** An evicted peer, or one that was never let in, tries to act. */
  | { readonly kind: 'trespass'; readonly whom: Target; readonly peer: number; readonly how: number }
  /** Other voters, any. */
  | { readonly kind: 'reconfigure'; readonly whom: Target; readonly wanted: number; readonly alone: boolean }
  | { readonly kind: 'transfer'; readonly whom: Target; readonly to: number }
  | { readonly kind: 'compact'; readonly whom: Target; readonly keep: number }
  /** About groups below this one. */
  | {
      readonly kind: 'group'
      readonly whom: Target
      readonly how: (typeof GROUP_DEEDS)[number]
      readonly which: number
      readonly name: number
    }

const GROUP_DEEDS = ['found', 'again', 'rename', 'remove', 'delegate', 'claim', 'release'] as const

export type Happening = Fault | Deed

export interface Timed {
  readonly atMs: number
  readonly what: Happening
}

/** All that a seed decides beforehand; what is left to chance on the way follows from the seed, too. */
export interface Plan {
  readonly seed: number
  readonly voters: readonly PeerIdString[]
  readonly timings: { readonly heartbeatMs: number; readonly electionTimeoutMinMs: number; readonly electionTimeoutMaxMs: number }
  readonly signsVotes: boolean
  readonly diskMaxMs: number
  readonly weather: Weather
  /** Whether leaders keep the voters as rule 7 wants them. */
  readonly keepsVoters: boolean
  readonly happenings: readonly Timed[]
}

type Maker = (dice: Dice) => Happening

/** How often each fault and each deed comes, relative to the others of its kind; every life leaves some out. */
const FAULTS: readonly (readonly [weight: number, make: Maker])[] = [
  [2, (dice) => ({ kind: 'weather', weather: weatherOf(dice) })],
  [
    5,
    (dice) => ({
      kind: 'partition',
      whom: dice.target(0.5),
      others: dice.upTo(2),
      oneWay: dice.chance(0.35),
      noticedMs: dice.chance(0.6) ? dice.between(1, 1_500) : undefined,
      forMs: dice.between(50, 3_000),
    }),
  ],
  [2, (dice) => ({ kind: 'pause', whom: dice.target(0.6), forMs: dice.between(20, 2_500) })],
  [
    5,
    (dice) => ({
      kind: 'crash',
      whom: dice.target(0.5),
      torn: dice.chance(0.5),
      told: dice.chance(0.6),
      forMs: dice.chance(0.5) ? dice.between(1, 50) : dice.between(50, 3_000),
    }),
  ],
  [1, (dice) => ({ kind: 'restore', whom: dice.target(0.3) })],
  [1, (dice) => ({ kind: 'clone', whom: dice.target(0.4), forMs: dice.between(500, 4_000) })],
  [1, (dice) => ({ kind: 'rogue', whom: dice.target(1), forMs: dice.between(50, 1_500) })],
  [2, (dice) => ({ kind: 'slander', whom: dice.target(0.3), victim: dice.target(0.5) })],
  [1, (dice) => ({ kind: 'clock-leap', whom: dice.target(0.4), aheadMs: dice.between(100, 5_000) })],
  [1, (dice) => ({ kind: 'clock-drift', whom: dice.target(0.4), rate: dice.between(50, 200) / 100 })],
  [1, (dice) => ({ kind: 'wall-leap', whom: dice.target(0.4), byMs: dice.between(-20_000, 20_000) })],
  [1, (dice) => ({ kind: 'slow-disk', whom: dice.target(0.5), diskMs: dice.between(50, 800), forMs: dice.between(100, 3_000) })],
  [2, (dice) => ({ kind: 'flap', whom: dice.target(0.6), told: dice.upTo(3) })],
  [2, (dice) => ({ kind: 'stampede', whom: dice.target(0.7), eager: dice.between(0, 1_000) })],
  [
    2,
    (dice) => ({
      kind: 'ambush',
      whom: dice.target(1),
      wanted: dice.between(0, 4_095),
      near: dice.between(0, 1_023),
      forMs: dice.between(500, 4_000),
    }),
  ],
]

/** Few lives see a recovery, for it undoes much of what the other faults bring about. */
const RECOVERIES: readonly (readonly [weight: number, make: Maker])[] = [
  [
    1,
    (dice) => ({
      kind: 'recover',
      whom: dice.target(0.3),
      rival: dice.chance(0.4) ? dice.target(0.3) : undefined,
      lost: dice.between(0, 1_023),
      forMs: dice.between(100, 4_000),
    }),
  ],
]

const DEEDS: readonly (readonly [weight: number, make: Maker])[] = [
  [14, (dice) => ({ kind: 'policy-set', whom: dice.target(0.9), value: dice.between(1, 1_000_000), stale: dice.chance(0.15) })],
  [12, (dice) => ({ kind: 'policy-read', whom: dice.target(0.9) })],
  [2, (dice) => ({ kind: 'backup', whom: dice.target(0.3) })],
  [2, (dice) => ({ kind: 'invite', whom: dice.target(0.9), uses: dice.between(1, 2), lifeMs: dice.between(500, 30_000) })],
  [
    4,
    (dice) => ({
      kind: 'redeem',
      whom: dice.target(0.9),
      invitation: dice.upTo(4),
      peer: dice.upTo(8),
      twice: dice.chance(0.4),
    }),
  ],
  [1, (dice) => ({ kind: 'leave', whom: dice.target(0.3) })],
  [1, (dice) => ({ kind: 'evict', whom: dice.target(0.2), by: dice.target(0.9) })],
  [2, (dice) => ({ kind: 'trespass', whom: dice.target(0.9), peer: dice.upTo(5), how: dice.upTo(3) })],
  [4, (dice) => ({ kind: 'reconfigure', whom: dice.target(0.9), wanted: dice.between(0, 4_095), alone: dice.chance(0.3) })],
  [1, (dice) => ({ kind: 'transfer', whom: dice.target(1), to: dice.upTo(6) })],
  [3, (dice) => ({ kind: 'compact', whom: dice.target(0.5), keep: dice.upTo(6) })],
  [
    4,
    (dice) => ({
      kind: 'group',
      whom: dice.target(0.9),
      how: GROUP_DEEDS[dice.upTo(GROUP_DEEDS.length - 1)] ?? 'found',
      which: dice.upTo(3),
      name: dice.upTo(5),
    }),
  ],
]

/** The plan of one life: the same for the same seed, on every machine. */
export function planOf(seed: number, lifeMs = LIFE_MS): Plan {
  const dice = new Dice(seededRandom(seed))
  const count = [1, 2, 3, 3, 3, 3, 5, 5][dice.upTo(7)] ?? 3
  const slow = dice.chance(0.3)
  const electionTimeoutMinMs = slow ? 1_000 : 400
  const plan = {
    seed,
    voters: ['a', 'b', 'c', 'd', 'e'].slice(0, count),
    timings: { heartbeatMs: electionTimeoutMinMs / 5, electionTimeoutMinMs, electionTimeoutMaxMs: 2 * electionTimeoutMinMs },
    signsVotes: dice.chance(0.5),
    diskMaxMs: dice.chance(0.7) ? 5 : 60,
    weather: weatherOf(dice),
    keepsVoters: dice.chance(0.5),
  }
  const happenings = [
    ...series(dice, FAULTS, dice.between(150, 900), lifeMs),
    ...series(dice, DEEDS, dice.between(40, 140), lifeMs),
    ...(dice.chance(0.3) ? series(dice, RECOVERIES, dice.between(1_500, 5_000), lifeMs) : []),
  ]
  return { ...plan, happenings: happenings.sort((a, b) => a.atMs - b.atMs) }
}

/** Happenings at random times, `meanMs` apart on average, of kinds of which each life has its own mixture (Groce et al., "Swarm testing", 2012). */
function series(
  dice: Dice,
  makers: readonly (readonly [weight: number, make: Maker])[],
  meanMs: number,
  lifeMs: number,
): Timed[] {
  const mixture = makers.map(([weight, make]) => ({ weight: dice.chance(0.25) ? 0 : weight * dice.between(1, 4), make }))
  const total = mixture.reduce((sum, { weight }) => sum + weight, 0)
  const all: Timed[] = []
  if (total === 0) return all
  for (let atMs = dice.between(1, 2 * meanMs); atMs < lifeMs; atMs += dice.between(1, 2 * meanMs)) {
    let left = dice.between(1, total)
    const chosen = mixture.find(({ weight }) => (left -= weight) <= 0)
    if (chosen !== undefined) all.push({ atMs, what: chosen.make(dice) })
  }
  return all
}

function weatherOf(dice: Dice): Weather {
  const bad = dice.chance(0.5)
  return {
    delayMinMs: 1,
    delayMaxMs: dice.chance(0.6) ? dice.between(2, 20) : dice.between(20, 150),
    slow: bad ? dice.upTo(20) / 100 : 0,
    slowMaxMs: dice.between(100, 1_200),
    loss: bad ? dice.upTo(20) / 100 : 0,
    duplication: bad ? dice.upTo(20) / 100 : 0,
  }
}

/** Chance in the forms that are needed here. */
export class Dice {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  between(min: number, max: number): number {
    return randomInteger(this.random, min, max)
  }

  upTo(max: number): number {
    return randomInteger(this.random, 0, max)
  }

  chance(probability: number): boolean {
    return this.random.next() < probability
  }

  target(leader: number): Target {
    return { of: this.chance(leader) ? 'leaders' : 'all', nth: this.upTo(20) }
  }
}
