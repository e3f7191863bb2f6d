import { operationStatement, type Operation } from '@vsmcp/consensus'
import { OPERATOR, OPERATOR_KEY, signatureText } from '../authority.ts'
import { callTool } from './asking.ts'
import type { Node } from './node.ts'
import type { Seat } from './seat.ts'
import type { NestedWorld } from './world.ts'

/** Milliseconds a trial may take before it counts as failed. */
const TRIAL_MS = 120_000

/** Milliseconds between tries of a client that wants a tool. */
const TRY_MS = 50

/** Milliseconds between looks whether all have heard of something. */
const LOOK_MS = 10

/** Simulated milliseconds each thing took; undefined for what did not happen in time. */
export interface TrialFigures {
  /** A process was killed: until all members of its group hold it for failed. */
  readonly killedKnownMs: number | undefined
  /** A machine vanished: likewise. */
  readonly vanishedKnownMs: number | undefined
  /** A node in the first of the deepest groups offers a new tool: until a client in the last one has called it. */
  readonly newToolCalledMs: number | undefined
  /** A unit in a deepest group hurts, critically: until the root's System 5 has it. */
  readonly alertAtRootMs: number | undefined
  /** And until the deepest group shows that somebody above has acknowledged it; and, resolved there, until the root has no more of it. */
  readonly acknowledgedBelowMs: number | undefined
  readonly resolvedAtRootMs: number | undefined
  /** A deepest group evicts a node: until every node of the mesh knows it. */
  readonly evictionKnownMs: number | undefined
}

/** What becomes of news in a mesh, each piece by itself. */
export function runTrials(world: NestedWorld): TrialFigures {
  return {
    newToolCalledMs: newTool(world),
    ...alert(world),
    evictionKnownMs: eviction(world),
    killedKnownMs: gone(world, (node) => world.kill(node)),
    vanishedKnownMs: gone(world, (node) => world.silence(node)),
  }
}

/** Leaves, deepest first. */
function leaves(world: NestedWorld): readonly Seat[][] {
  const plans = [...world.groups.values()].filter(({ children }) => children.length === 0)
  const deepest = Math.max(...plans.map(({ lineage }) => lineage.length))
  return plans.filter(({ lineage }) => lineage.length === deepest).map((plan) => seatsOf(world, plan.home, plan.id))
}

function seatsOf(world: NestedWorld, home: readonly number[], group: string): Seat[] {
  return home.flatMap((number) => world.nodes[number]?.seats.get(group) ?? []).filter(({ isOpen }) => isOpen)
}

/** One that neither leads nor speaks for its group, nor votes where it can be helped. */
function bystander(seats: readonly Seat[]): Seat {
  const plain = seats.filter((seat) => !seat.isLeader && seat.node.above === undefined)
  const voters = (seat: Seat): number => Number(seat.state?.configuration.voters.includes(seat.node.id) === true)
  const [chosen] = plain.toSorted((a, b) => voters(a) - voters(b))
  if (chosen === undefined) throw new Error('a group without anybody to spare')
  return chosen
}

function timed(world: NestedWorld, isSo: () => boolean): number | undefined {
  const from = world.nowMs
  while (world.nowMs < from + TRIAL_MS) if (world.pass(world.nowMs + LOOK_MS, () => false) || isSo()) return world.nowMs - from
  return undefined
}

function newTool(world: NestedWorld): number | undefined {
  const groups = leaves(world)
  const host = bystander(groups[0] ?? []).node
  const caller = bystander(groups.at(-1) ?? []).node
  const tool = `${host.unit}__brand_new`
  let found = false
  const tryIt = (): void => {
    if (found) return
    callTool(world, caller, tool, (answered) => {
      found ||= answered
    })
    world.after(TRY_MS, tryIt)
  }
  host.tools = [...host.tools, tool]
  host.home.organs.offerChanged()
  tryIt()
  return timed(world, () => found)
}

function alert(world: NestedWorld): Pick<TrialFigures, 'alertAtRootMs' | 'acknowledgedBelowMs' | 'resolvedAtRootMs'> {
  const [seats = []] = leaves(world)
  const seat = bystander(seats)
  const id = 'pain-of-the-deep'
  const by = (): { author: string; atMs: number } => ({ author: seat.node.id, atMs: world.wallMs })
  const said = { feeling: 'pain', severity: 'critical', origin: 'organ', system: 'system1', unit: seat.node.unit } as const
  const times = { onsetMs: world.wallMs, lastMs: world.wallMs, count: 1 }
  seat.propose({ op: 'alert:raise', id, subject: 'pump 3 is dry', text: '', ...said, ...times, ...by() })
  const leader = (): Seat | undefined => rootSeats(world).find(({ isLeader }) => isLeader)
  const atRoot = () =>
    leader()
      ?.state?.alerts.entries()
      .find(([, { subject }]) => subject === 'pump 3 is dry')
  const alertAtRootMs = timed(world, () => atRoot() !== undefined)
  const [as] = atRoot() ?? []
  const person = leader()
  if (as === undefined || person === undefined)
    return { alertAtRootMs, acknowledgedBelowMs: undefined, resolvedAtRootMs: undefined }
  person.propose({ op: 'alert:acknowledge', id: as, reason: 'seen', author: person.node.id, atMs: world.wallMs })
  const acknowledgedBelowMs = timed(world, () => seat.state?.alerts.get(id)?.acknowledged !== undefined)
  seat.propose({ op: 'alert:resolve', id, reason: 'filled', ...by() })
  return { alertAtRootMs, acknowledgedBelowMs, resolvedAtRootMs: timed(world, () => atRoot()?.[1].closed !== undefined) }
}

function rootSeats(world: NestedWorld): readonly Seat[] {
  const root = world.groups.get('root')
  return root === undefined ? [] : seatsOf(world, root.home, root.id)
}

function eviction(world: NestedWorld): number | undefined {
  const [, seats = leaves(world)[0] ?? []] = leaves(world)
  const leader = seats.find(({ isLeader }) => isLeader)
  const victim = seats.find(
    (seat) => seat.state?.configuration.voters.includes(seat.node.id) === false && seat.node.above === undefined,
  )
  const member = victim === undefined ? undefined : leader?.state?.members.get(victim.node.id)
  if (leader?.state === undefined || victim === undefined || member === undefined) return undefined
  const { id: peer } = victim.node
  const operation: Extract<Operation, { op: 'member:evict' }> = {
    op: 'member:evict',
    peer,
    joinedAtIndex: member.joinedAtIndex,
    untilMs: world.wallMs + 90 * 86_400_000,
    operator: OPERATOR,
    reason: 'a rogue',
    signedAtMs: world.wallMs,
    signature: '',
    author: leader.node.id,
    atMs: world.wallMs,
  }
  const statement = operationStatement(leader.state.charter, operation)
  leader.propose({ ...operation, signature: signatureText({ publicKey: OPERATOR_KEY }, statement) })
  const knows = (seat: Seat): boolean =>
    seat.state?.charter.revocations.some((revoked) => revoked.peer === peer) === true ||
    seat.recursion.revocations.of(peer).length > 0
  const others = world.nodes.filter(({ isUp, id }) => isUp && id !== peer)
  const known = timed(world, () => others.every(({ home }) => knows(home)))
  world.kill(victim.node)
  return known
}

function gone(world: NestedWorld, end: (node: Node) => void): number | undefined {
  const groups = leaves(world)
  const seats = groups[Math.floor(world.random.next() * groups.length)] ?? []
  const victim = bystander(seats)
  const others = seats.filter((seat) => seat !== victim)
  end(victim.node)
  return timed(world, () => others.every((seat) => seat.view.member(victim.node.id)?.state === 'failed'))
}
