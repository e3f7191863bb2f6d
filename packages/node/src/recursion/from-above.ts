import type { GroupState } from '@vsmcp/consensus'
import { type Clock, isInForce, type Logger } from '@vsmcp/kernel'
import {
  type Followed,
  Following,
  governedFromAbove,
  type Governance,
  type GroupDirective,
  organ,
  type RefusedDirective,
  type SeenOfBounds,
  type ToldFromAbove,
} from '@vsmcp/vsm'
import type { Algedonic } from '../algedonic/algedonic.ts'
import type { EffectSight } from '../system5/governing/effect-sight.ts'
import { governanceOf } from '../system5/governing/governance-of.ts'

export interface FromAboveComponents {
  state: () => GroupState | undefined
  told: () => ToldFromAbove
  sight: () => Pick<EffectSight, 'windows'>
  /** What units of the group miss of what they owe. */
  missed: () => SeenOfBounds['missed']
  algedonic: () => Pick<Algedonic, 'feel' | 'relieve'>
  clock: Clock
  logger: Logger
}

/** A directive, and why it is not obeyed; null when it is. */
export interface Judged {
  readonly directive: GroupDirective
  readonly refused: string | null
}

/**
 * What the groups above hold this one to, as each of its members judges it by itself. A group that is cut off goes on by what it was told last
 * (`NeighboursMemory`), until each directive ends.
 */
export class FromAbove {
  readonly #c: FromAboveComponents
  readonly #following = new Following()
  #refusedBefore: ReadonlyMap<string, RefusedDirective> = new Map()

  constructor(components: FromAboveComponents) {
    this.#c = components
  }

  /** Identity and policies of this group, within what holds from above. */
  governance(): Governance {
    return this.#judged(this.#c.clock.wallMs()).governance
  }

  /** Those that are not over, each as it is judged here. */
  list(): Judged[] {
    const { governance, refused } = this.#judged(this.#c.clock.wallMs())
    return [
      ...governance.above.map((directive) => ({ directive, refused: null })),
      ...refused.map(({ directive, reason }) => ({ directive, refused: reason })),
    ]
  }

  /** How the group follows, as its leader measures it; what it refuses hurts as long as it is told. */
  follow(state: GroupState): Followed[] {
    const nowMs = this.#c.clock.wallMs()
    const { governance, refused } = this.#judged(nowMs)
    this.#feel(refused)
    const inForce = state.proposals.entries().flatMap(([, each]) => (isInForce(each, nowMs) ? [each] : []))
    const seen = {
      windows: this.#c.sight().windows(),
      given: inForce.flatMap(({ kind, subject, directive }) =>
        (kind === 'weight' || kind === 'concurrency') && directive !== undefined
          ? [{ kind, unit: subject, value: directive.value }]
          : [],
      ),
      sought: inForce.flatMap(({ kind, subject }) => (kind === 'capability' ? [subject] : [])),
      missed: this.#c.missed(),
    }
    return this.#following.look(governance.above, refused, seen, nowMs)
  }

  /** Of what has ended nothing is said any more. */
  #judged(nowMs: number): ReturnType<typeof governedFromAbove> {
    const { state, told } = this.#c
    const { governance, refused } = governedFromAbove(governanceOf(state()?.charter), told(), nowMs)
    return { governance, refused: refused.filter(({ directive }) => directive.untilMs > nowMs) }
  }

  #feel(refused: readonly RefusedDirective[]): void {
    const { algedonic, logger } = this.#c
    const now = new Map(refused.map((each) => [`${each.directive.by} ${each.directive.id}`, each]))
    for (const [key, { directive, reason }] of now) {
      if (this.#refusedBefore.has(key)) continue
      const { id, by, order } = directive
      logger.warn({ id, by, kind: order.kind, reason }, 'a directive of a group above is not obeyed')
      algedonic().feel({ ...painOf(directive), feeling: 'pain', severity: 'high', text: `${reason}. It was given by ${by}.` })
    }
    for (const [key, { directive }] of this.#refusedBefore) {
      if (!now.has(key)) algedonic().relieve(painOf(directive), 'it is not ordered any more, or nothing stands against it')
    }
    this.#refusedBefore = now
  }
}

const painOf = ({ id, order }: GroupDirective) => ({
  source: organ('system5'),
  subject: `directive ${id} of a group above is not obeyed (${order.kind})`,
})
