import {
  type ChildState,
  type Life,
  type Supervised,
  type SupervisionEvent,
  Supervisor,
  type SupervisorFailedError,
  type SupervisorSpec,
  type WorkerSpec,
} from '../../src/index.ts'
import { HandClock, settled } from './hand-clock.ts'

/** Children that write down when they start and stop, and crash when told to. */
export class Nursery {
  readonly clock = new HandClock()
  readonly events: SupervisionEvent[] = []
  onEvent: (event: SupervisionEvent) => void = () => {}
  readonly failures: SupervisorFailedError[] = []
  readonly #log: string[] = []
  readonly #lives = new Map<string, Life>()
  readonly #faults = new Map<string, unknown[]>()

  child(id: string, options: Partial<WorkerSpec> & { stop?: () => Promise<void> } = {}): WorkerSpec {
    const { stop, ...spec } = options
    return { id, child: (life) => this.live(id, life, stop), ...spec }
  }

  live(id: string, life: Life, stop?: () => Promise<void>): Supervised {
    return {
      start: async () => {
        this.#lives.set(id, life)
        const faults = this.#faults.get(id)
        if (faults !== undefined && faults.length > 0) {
          this.#log.push(`${id} fails`)
          throw faults.shift()
        }
        this.#log.push(`${id} up`)
      },
      stop: async () => {
        this.#log.push(`${id} down`)
        await stop?.()
      },
    }
  }

  supervisor(spec: Omit<SupervisorSpec, 'id'>): Supervisor {
    return new Supervisor(
      { id: 'root', ...spec },
      {
        clock: this.clock,
        onEvent: (event) => {
          this.events.push(event)
          this.onEvent(event)
        },
        onFailed: (error) => {
          this.#log.push('root failed')
          this.failures.push(error)
        },
        deadlines: { startMs: 1_000, stopMs: 1_000 },
      },
    )
  }

  async started(spec: Omit<SupervisorSpec, 'id'>): Promise<Supervisor> {
    const supervisor = this.supervisor(spec)
    await supervisor.start()
    this.log()
    return supervisor
  }

  /** Its next starts throw these. */
  failStarts(id: string, ...errors: unknown[]): void {
    this.#faults.set(id, errors)
  }

  lifeOf(id: string): Life {
    const life = this.#lives.get(id)
    if (life === undefined) throw new Error(`${id} never lived`)
    return life
  }

  async crash(id: string, error: unknown = new Error(`${id} is broken`)): Promise<void> {
    this.lifeOf(id).exit(error)
    await settled()
  }

  async finish(id: string): Promise<void> {
    this.lifeOf(id).exit()
    await settled()
  }

  /** What happened since it was asked last. */
  log(): string[] {
    return this.#log.splice(0)
  }
}

export const states = (supervisor: Supervisor): Record<string, ChildState> =>
  Object.fromEntries(supervisor.inspect().children.map(({ id, state }) => [id, state]))
