import type { Clock, Logger } from '@vsmcp/kernel'
import { MAILBOX_MAX } from '../constants.ts'
import { Scope, type ScopeInit } from './scope.ts'

/** Takes its ticks and what it hears one at a time, from a mailbox. */
const ACTOR: ScopeInit = { mailboxMax: MAILBOX_MAX }

/** What it is told it does at once: others wait for it, or must not be lost whatever the load. */
const AT_ONCE: ScopeInit = {}

/** The parts that live under a supervisor, by the name `vsmcp status --tree` shows, by their systems. */
const PARTS = {
  time: AT_ONCE,
  life: AT_ONCE,
  // System 5. What the group decides is followed at once; what is made of it are actors.
  epoch: AT_ONCE,
  consensus: AT_ONCE,
  'session keys': AT_ONCE,
  credential: AT_ONCE,
  'leader duties': ACTOR,
  office: ACTOR,
  effects: ACTOR,
  'own decisions': ACTOR,
  // The mesh, under all of them.
  membership: AT_ONCE,
  connections: AT_ONCE,
  'shared state': AT_ONCE,
  discovery: AT_ONCE,
  signals: AT_ONCE,
  'algedonic channel': ACTOR,
  senses: ACTOR,
  'senses of units': ACTOR,
  'sense of time': ACTOR,
  'sense of clocks': ACTOR,
  // System 4.
  variety: ACTOR,
  scanner: ACTOR,
  feeds: ACTOR,
  simulations: AT_ONCE,
  // System 3.
  reports: ACTOR,
  records: ACTOR,
  'resource bargain': ACTOR,
  degradation: ACTOR,
  performance: ACTOR,
  synergy: ACTOR,
  proposals: ACTOR,
  directives: ACTOR,
  // System 3*.
  audits: ACTOR,
  // System 2. Calls wait for their claims.
  claims: AT_ONCE,
  occurrences: ACTOR,
  // System 1. Calls wait for their units.
  operations: ACTOR,
  'process guard': AT_ONCE,
  units: AT_ONCE,
  gateway: AT_ONCE,
} as const satisfies Readonly<Record<string, ScopeInit>>

export type PartName = keyof typeof PARTS

/** One scope per part, made when it is first asked for. */
export class Scopes {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #made = new Map<PartName, Scope>()

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  of(name: PartName): Scope {
    const made = this.#made.get(name) ?? new Scope(name, PARTS[name], { clock: this.#clock, logger: this.#logger })
    this.#made.set(name, made)
    return made
  }

  /** The clock of a part. */
  clock(name: PartName): Clock {
    return this.of(name).clock
  }
}
