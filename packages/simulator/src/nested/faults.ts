import { groupRecords } from '@vsmcp/vsm'
import { digestOf, signatureOf } from '../authority.ts'
import { bytesOf, textOf } from '../bytes.ts'
import { InvariantBrokenError } from '../errors.ts'
import { callTool } from './asking.ts'
import type { Node } from './node.ts'
import type { Seat } from './seat.ts'
import type { SignedRecord } from './seat-organs.ts'
import type { GroupPlan } from './topology.ts'
import { NestedWorld } from './world.ts'

const WARM_UP_MS = 20_000

/** Milliseconds a group is cut off: longer than its records hold. */
const CUT_MS = 90_000

/** Milliseconds until all must be as it was: the longest redial, the detector's verdicts, and a record a level. */
const HEALED_MS = 60_000

/** Milliseconds until a dead delegate has a successor: its grace, and what appointing takes. */
const SUCCEEDED_MS = 120_000

const LOOK_MS = 100

export interface FaultFigures {
  /** While cut off, calls within the group that were answered, of those made. */
  readonly insideAnswered: number
  readonly insideAsked: number
  /** Milliseconds after the end of the cut until tools could be called both ways. */
  readonly healedMs: number
  /** Calls across after one of two delegates had been killed, as soon as that was known. */
  readonly acrossAnswered: number
  readonly acrossAsked: number
  /** Milliseconds until the parent had another delegate. */
  readonly succeededMs: number
  /** Records made up or spoilt by a delegate: heard by others, and refused by them, by reason. */
  readonly hostileHeard: number
  readonly hostileRefused: Readonly<Record<string, number>>
}

/** What may happen between groups, in one life: a group cut off, a delegate killed, a delegate that lies. Throws `InvariantBrokenError`. */
export function liveThroughFaults({ seed, nodes }: { readonly seed: number; readonly nodes: number }): FaultFigures {
  const world = new NestedWorld({ seed, nodes })
  const said = watchWords(world)
  world.pass(WARM_UP_MS)
  const leaves = [...world.groups.values()].filter(({ children, parent }) => children.length === 0 && parent !== undefined)
  const [first, second, third] = [leaves[0], leaves[1], leaves.at(-1)]
  if (first === undefined || second === undefined || third === undefined)
    throw new Error(`${nodes} nodes make no three groups below others`)
  return { ...cut(world, first, third), ...killDelegate(world, second, third), ...lie(world, third, said) }
}

/** No record may be taken that no leader of its group said. */
function watchWords(world: NestedWorld): { heardLies: Set<string>; refused: Record<string, number> } {
  const words = { heardLies: new Set<string>(), refused: {} as Record<string, number> }
  world.watch.verdict = (seat, carrier, { bytes }, verdict) => {
    const isLie = !world.said.has(digestOf(bytes))
    if (verdict.taken && isLie) {
      throw new InvariantBrokenError('a record that nobody said', `${seat.node.id} took it from ${carrier} in ${seat.group.path}`)
    }
    if (!verdict.taken && isLie) words.refused[verdict.refusal] = (words.refused[verdict.refusal] ?? 0) + 1
  }
  return words
}

function seats(world: NestedWorld, { home, id }: GroupPlan): Seat[] {
  return home.flatMap((number) => world.nodes[number]?.seats.get(id) ?? []).filter(({ isOpen }) => isOpen)
}

/** One of the group's nodes that is no delegate. */
function inner(world: NestedWorld, plan: GroupPlan): Node {
  const seat = seats(world, plan).find(({ node }) => node.above === undefined)
  if (seat === undefined) throw new Error(`${plan.path} has delegates only`)
  return seat.node
}

/** Calls once. @returns whether it was answered */
function calls(world: NestedWorld, from: Node, tool: string): boolean {
  let outcome: boolean | undefined
  callTool(world, from, tool, (found) => {
    outcome = found
  })
  world.pass(world.nowMs + 10_000, () => outcome !== undefined)
  return outcome === true
}

function toolOf({ tools }: Node): string {
  return tools[0] ?? ''
}

/** Waits until it is so. Throws `InvariantBrokenError` when that takes longer than it may. */
function within(world: NestedWorld, ms: number, what: string, isSo: () => boolean): number {
  const from = world.nowMs
  while (!isSo()) {
    if (world.nowMs - from > ms) throw new InvariantBrokenError(what, `not within ${ms} ms`)
    world.pass(world.nowMs + LOOK_MS)
  }
  return world.nowMs - from
}

function cut(
  world: NestedWorld,
  plan: GroupPlan,
  other: GroupPlan,
): Pick<FaultFigures, 'insideAnswered' | 'insideAsked' | 'healedMs'> {
  const [here, there] = [inner(world, plan), inner(world, other)]
  const neighbour = seats(world, plan).find(({ node }) => node !== here)?.node ?? here
  world.cutOff(plan.home)
  const until = world.nowMs + CUT_MS
  let [insideAsked, insideAnswered] = [0, 0]
  for (; world.nowMs < until; world.pass(world.nowMs + 2_000)) {
    insideAsked++
    if (calls(world, here, toolOf(neighbour))) insideAnswered++
  }
  if (calls(world, there, toolOf(here))) throw new InvariantBrokenError('a cut', 'a call went through it')
  const parentLeader = [...world.nodes]
    .flatMap(({ seats: all }) => all.get(plan.parent?.id ?? '') ?? [])
    .find(({ isLeader }) => isLeader)
  if (parentLeader?.recursion.child(plan.id) !== undefined)
    throw new InvariantBrokenError('records end', `${plan.path} is still known`)
  world.cutOff([])
  const healedMs = within(
    world,
    HEALED_MS,
    'a cut heals',
    () => calls(world, there, toolOf(here)) && calls(world, here, toolOf(there)),
  )
  return { insideAnswered, insideAsked, healedMs }
}

function killDelegate(
  world: NestedWorld,
  plan: GroupPlan,
  other: GroupPlan,
): Pick<FaultFigures, 'acrossAnswered' | 'acrossAsked' | 'succeededMs'> {
  const [here, there] = [inner(world, plan), inner(world, other)]
  const delegates = (): readonly Node[] =>
    seats(world, plan)
      .map(({ node }) => node)
      .filter(({ above }) => above?.state !== undefined)
  const [victim] = delegates()
  if (victim === undefined) throw new InvariantBrokenError('delegates', `${plan.path} has none`)
  world.kill(victim)
  world.pass(world.nowMs + 5_000)
  let [acrossAsked, acrossAnswered] = [0, 0]
  for (let at = 0; at < 20; at++) {
    acrossAsked += 2
    acrossAnswered += Number(calls(world, there, toolOf(here))) + Number(calls(world, here, toolOf(there)))
  }
  const succeededMs = within(world, SUCCEEDED_MS, 'a delegate has a successor', () => delegates().length === 2)
  return { acrossAnswered, acrossAsked, succeededMs }
}

/** A delegate that says in its parent what its group's leader never said. */
function lie(
  world: NestedWorld,
  plan: GroupPlan,
  { refused }: { refused: Record<string, number> },
): Pick<FaultFigures, 'hostileHeard' | 'hostileRefused'> {
  // Who leads its group says what it likes in its name, as any System 5: the delegate that lies here is another one.
  const liar = seats(world, plan).find(
    ({ node }) => node.above?.recursion.child(plan.id)?.voice !== node.id && node.above !== undefined,
  )
  const above = liar?.node.above
  const truth = above?.recursion.child(plan.id)
  if (liar === undefined || above === undefined || truth === undefined) throw new Error(`${plan.path} has no delegate to lie`)
  const sibling = plan.parent?.children.find(({ id }) => id !== plan.id)
  const sequence = truth.sequence + 1_000
  const bent = (more: object): Uint8Array =>
    bytesOf(JSON.stringify({ ...(JSON.parse(textOf(groupRecords.encode(truth))) as object), ...more }))
  const signed = (bytes: Uint8Array, voice: string, by = voice): SignedRecord => ({
    about: plan.id,
    order: truth,
    bytes,
    voice,
    signature: signatureOf({ peer: by }, bytes),
  })
  const self = liar.node.id
  const lies: SignedRecord[] = [
    signed(bent({ sequence, members: 1_000_000 }), truth.voice, self),
    signed(bent({ sequence, voice: 'nobody' }), 'nobody'),
    signed(bent({ sequence, figures: { ...truth.figures, actuality: null } }), truth.voice, self),
    signed(bent({ sequence, figures: { ...truth.figures, calls: -1 } }), truth.voice, self),
    signed(bent({ sequence, group: sibling?.id }), truth.voice, self),
    signed(bent({ sequence, group: 'orphan' }), truth.voice, self),
    signed(bent({ sequence, atMs: 1, untilMs: 2 }), truth.voice, self),
    signed(new Uint8Array(20_000), truth.voice, self),
    ...Array.from({ length: 200 }, (_, at) => signed(bent({ sequence: sequence + at }), truth.voice, self)),
  ]
  let hostileHeard = 0
  for (const lied of lies) {
    for (const peer of above.peers) {
      const seat = world.node(peer)?.seats.get(above.group.id)
      if (seat === undefined) continue
      world.send(liar.node, seat.node, 'records', lied.bytes.length, () => {
        hostileHeard++
        seat.organs.hearRecord(lied, self)
      })
    }
  }
  world.pass(world.nowMs + 1_000)
  const before = world.nowMs
  // The other delegate is heard all the same.
  within(world, HEALED_MS, 'the other delegate is heard', () =>
    above.peers.every((peer) => {
      const seat = world.node(peer)?.seats.get(above.group.id)
      return seat?.isOpen !== true || (seat.recursion.child(plan.id)?.atMs ?? 0) > before + 1_000
    }),
  )
  return { hostileHeard, hostileRefused: { ...refused } }
}
