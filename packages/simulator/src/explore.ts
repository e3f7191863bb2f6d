import { messageOf } from '@vsmcp/kernel'
import { InvariantBrokenError } from './errors.ts'
import { type Budget, type Step, TinyGroup } from './tiny-group.ts'

/** Where an exploration begins, and what may happen from there. */
export interface Exploration {
  readonly name: string
  readonly begin: (group: TinyGroup) => void
  readonly budget: Budget
}

export interface Explored {
  /** Different states, as told by what each node has been through. */
  readonly states: number
  /** Steps tried, those to a state known already included. */
  readonly paths: number
  readonly deepest: number
}

function electA(group: TinyGroup): void {
  group.take({ kind: 'timeout', id: 'a' })
  group.settle()
}

export const EXPLORATIONS: readonly Exploration[] = [
  {
    name: 'three voters without a leader',
    begin: () => {},
    budget: { timeouts: 2, proposals: 1, crashes: 1, reads: 0 },
  },
  {
    name: 'a leader with an entry that nobody else has',
    begin: (group) => {
      electA(group)
      group.take({ kind: 'propose', id: 'a' })
    },
    // One timeout and one proposal are what the beginning took.
    budget: { timeouts: 2, proposals: 1, crashes: 1, reads: 1 },
  },
  {
    name: 'a leader that leaves a joint configuration for itself alone',
    begin: (group) => {
      electA(group)
      group.reconfigure('a', ['a'])
    },
    budget: { timeouts: 2, proposals: 0, crashes: 1, reads: 0 },
  },
]

/**
 * Takes every possible step from every state, to a depth: all orders in which messages may arrive or be lost, nodes time out, die,
 * propose and read. Two ways that lead every node through the same inputs lead to one state, which is looked at once. Nodes cannot be
 * copied, so a state is reached again by taking its steps again. Throws `InvariantBrokenError` with the steps that led there.
 */
export function explore({ begin, budget }: Exploration, depthMax: number): Explored {
  const known = new Set<string>()
  let paths = 0
  let deepest = 0
  const reach = (steps: readonly Step[]): TinyGroup => {
    const group = new TinyGroup()
    begin(group)
    for (const step of steps) takeOrTell(group, step, steps)
    return group
  }
  const visit = (group: TinyGroup, path: readonly Step[]): void => {
    known.add(group.key)
    deepest = Math.max(deepest, path.length)
    if (path.length >= depthMax) return
    const steps = group.steps(budget)
    steps.forEach((step, at) => {
      const further = [...path, step]
      const next = at < steps.length - 1 ? reach(path) : group
      takeOrTell(next, step, further)
      paths++
      if (!known.has(next.key)) visit(next, further)
    })
  }
  visit(reach([]), [])
  return { states: known.size, paths, deepest }
}

function takeOrTell(group: TinyGroup, step: Step, path: readonly Step[]): void {
  try {
    group.take(step)
  } catch (error) {
    const way = path.map((each) => ('id' in each ? `${each.kind} ${each.id}` : `${each.kind} ${each.at}`)).join(', ')
    throw new InvariantBrokenError(
      error instanceof InvariantBrokenError ? error.invariant : 'crash',
      `${messageOf(error)} (by ${way})`,
    )
  }
}
