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
  #hurts: ReadonlyMap<string, Pain> = new Map()

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

  /**
   * How the group follows, as its leader measures it; what it refuses hurts as long as it is told.
   * @param untold what this group holds others to and cannot tell them, by their names: that hurts, too
   */
  follow(state: GroupState, untold: ReadonlyMap<string, readonly GroupDirective[]>): Followed[] {
    const nowMs = this.#c.clock.wallMs()
    const { governance, refused } = this.#judged(nowMs)
    this.#feel([...refused.map(painOfRefusal), ...[...untold].map(painOfUntold)])
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

  /** Another node leads: it feels in its own name what still hurts. */
  rest(): void {
    this.#feel([])
  }

  #feel(pains: readonly Pain[]): void {
    const { algedonic, logger } = this.#c
    const now = new Map(pains.map((each) => [each.subject, each]))
    for (const [subject, { text, fields, what }] of now) {
      if (this.#hurts.has(subject)) continue
      logger.warn(fields, what)
      algedonic().feel({ source: organ('system5'), subject, feeling: 'pain', severity: 'high', text })
    }
    for (const subject of this.#hurts.keys()) {
      if (!now.has(subject)) algedonic().relieve({ source: organ('system5'), subject }, OVER)
    }
    this.#hurts = now
  }
}

/** What of directives hurts, and what the log says of it. */
interface Pain {
  readonly subject: string
  readonly text: string
  readonly what: string
  readonly fields: object
}

const OVER = 'it is not ordered any more, nothing stands against it, or another node leads'

function painOfRefusal({ directive: { id, by, order }, reason }: RefusedDirective): Pain {
  return {
    subject: `directive ${id} of a group above is not obeyed (${order.kind})`,
    text: `${reason}. It was given by ${by}.`,
    what: 'a directive of a group above is not obeyed',
    fields: { id, by, kind: order.kind, reason },
  }
}

function painOfUntold([group, directives]: readonly [string, readonly GroupDirective[]]): Pain {
  const ids = directives.map(({ id }) => id).join(', ')
  return {
    subject: `the group ${group} is not told all that it is held to`,
    text: `Beside what the groups above hold it to there is no room for ${ids}: ${directives.length} in all. Say less in "below", or have them say less.`,
    what: 'a group below cannot be told all that it is held to',
    fields: { group, ids },
  }
}
