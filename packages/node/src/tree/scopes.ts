import type { Clock, Logger } from '@vsmcp/kernel'
import { MAILBOX_MAX } from '../constants.ts'
import { Scope, type ScopeInit } from './scope.ts'

const ACTOR: ScopeInit = { mailboxMax: MAILBOX_MAX }

/** The parts that live under a supervisor, by the name `vsmcp status --tree` shows. An actor takes its ticks and what it `hears` one at a time. */
const PARTS = {
  time: {},
  life: {},
  epoch: {},
  consensus: {},
  'session keys': {},
  credential: {},
  'leader duties': ACTOR,
  office: ACTOR,
  effects: ACTOR,
  'own decisions': ACTOR,
  membership: {},
  connections: {},
  'shared state': {},
  discovery: {},
  signals: {},
  variety: {},
  scanner: {},
  feeds: {},
  simulations: {},
  reports: ACTOR,
  'resource bargain': ACTOR,
  degradation: {},
  performance: ACTOR,
  synergy: {},
  audits: {},
  proposals: ACTOR,
  directives: ACTOR,
  'algedonic channel': {},
  senses: ACTOR,
  'senses of units': ACTOR,
  'sense of time': {},
  'sense of clocks': {},
  claims: {},
  occurrences: {},
  operations: {},
  'process guard': {},
  units: {},
  gateway: {},
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
