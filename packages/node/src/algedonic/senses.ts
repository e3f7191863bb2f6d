import type { Clock, Severity, Startable, Timer, UnitName } from '@vsmcp/kernel'
import { organ, type Signal } from '@vsmcp/vsm'
import { SYSTEM5_MISSED_MS } from '../constants.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Algedonic } from './algedonic.ts'

export interface SensesComponents {
  algedonic: Algedonic
  units: LocalUnits
  log: GroupLog
  clock: Clock
}

type Pain = Pick<Signal, 'source' | 'subject'> & { severity: Severity }

const failed = (unit: UnitName): Pain => ({
  severity: 'high',
  source: organ('system1', unit),
  subject: `unit ${unit} failed`,
})
const NO_SYSTEM5: Pain = { severity: 'critical', source: organ('system5'), subject: 'there is no System 5: nothing is decided' }
const DISK: Pain = {
  severity: 'critical',
  source: organ('system3'),
  subject: 'the disk refuses writes: this node decides nothing',
}

/** What this node feels of itself at once, by what happened: a unit that failed, a disk that refuses, a group that nobody leads. */
export class Senses implements Startable {
  readonly #c: SensesComponents
  #offs: (() => void)[] = []
  #leaderless: Timer | undefined

  constructor(components: SensesComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { units, log } = this.#c
    this.#offs = [
      units.on('unit:state', ({ name, state, reason }) => {
        if (state === 'failed') this.#hurt(failed(name), reason ?? 'no reason was given')
        if (state === 'ready') this.#well(failed(name), 'the unit is ready again')
      }),
      units.on('unit:gone', ({ name }) => this.#c.algedonic.remedy(failed(name), 'the unit was detached')),
      log.on('storage:failed', ({ error }) => this.#hurt(DISK, error instanceof Error ? error.message : String(error))),
      log.on('storage:recovered', () => this.#well(DISK, 'the disk accepts writes again')),
      log.on('leader:changed', ({ leader }) => this.#lookFor(leader)),
    ]
    this.#lookFor(log.status()?.leader)
  }

  async stop(): Promise<void> {
    for (const off of this.#offs) off()
    this.#leaderless?.cancel()
    this.#leaderless = undefined
  }

  /** An election is no pain; that none succeeds is. */
  #lookFor(leader: string | undefined): void {
    if (leader !== undefined) {
      this.#leaderless?.cancel()
      this.#leaderless = undefined
      this.#well(NO_SYSTEM5, 'a System 5 is elected')
      return
    }
    this.#leaderless ??= this.#c.clock.after(SYSTEM5_MISSED_MS, () => {
      this.#hurt(
        NO_SYSTEM5,
        `Nobody was elected for ${SYSTEM5_MISSED_MS / 1_000} s; a majority of the voters is not to be reached.`,
      )
    })
  }

  #hurt(pain: Pain, text: string): void {
    this.#c.algedonic.feel({ ...pain, feeling: 'pain', text })
  }

  #well(pain: Pain, reason: string): void {
    this.#c.algedonic.relieve(pain, reason)
  }
}
