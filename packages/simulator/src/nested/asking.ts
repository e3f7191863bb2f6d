import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import type { Asker, Step } from '@vsmcp/vsm'
import type { Node } from './node.ts'
import type { Seat } from './seat.ts'
import { wireSize } from './wire-size.ts'
import type { NestedWorld } from './world.ts'

/** Milliseconds until a node that was asked and says nothing is given up. */
const ANSWER_MS = 2_000

/** Milliseconds of work of a tool. */
const WORK_MIN_MS = 2
const WORK_MAX_MS = 20

const ARGUMENTS = { path: '/var/lib/plant/readings/today.csv', limit: 100 }
const RESULT = { content: [{ type: 'text', text: 'x'.repeat(400) }] }
const NOBODY = { error: 'nobody has it' }

export interface Question {
  readonly tool: string
  readonly asker: Asker
  readonly visited: readonly GroupId[]
}

type Answer = (found: boolean) => void

/** A client at this node calls a tool by its name, wherever it is. */
export function callTool(world: NestedWorld, node: Node, tool: string, answer: Answer = () => {}): void {
  ask(world, node.home, { tool, asker: { from: 'here' }, visited: [] }, (found) => {
    node.variety.step({ demand: tool, response: found ? tool : null, outcome: found ? 'ok' : 'unknown', unit: null }, world.nowMs)
    answer(found)
  })
}

/** A seat goes by the route of its group until one of the ways leads to the tool. */
function ask(world: NestedWorld, seat: Seat, question: Question, answer: Answer): void {
  if (!seat.isOpen) return
  const { recursion, organs, group } = seat
  const isListed = organs.hostOf(question.tool) !== undefined
  const { steps, visited } = recursion.route(question, isListed, group.parent?.id)
  const next = (at: number): void => {
    const step = steps[at]
    if (step === undefined) answer(false)
    else follow(world, seat, step, { ...question, visited }, (found) => (found ? answer(true) : next(at + 1)))
  }
  next(0)
}

function follow(world: NestedWorld, seat: Seat, step: Step, { tool, visited }: Question, answer: Answer): void {
  const { node, group, offers } = seat
  if (step.to === 'here') {
    const host = seat.organs.hostOf(tool)
    forward(
      world,
      node,
      host === undefined ? [] : [host],
      { tool, arguments: ARGUMENTS },
      (there, done) => work(world, there, tool, done),
      answer,
    )
    return
  }
  const isUp = step.to === 'parent'
  const delegates = isUp
    ? [...offers].flatMap(([peer, { isDelegate }]) => (isDelegate ? [peer] : []))
    : seat.delegatesOf(step.group)
  const asker: Asker = isUp ? { from: 'child', group: group.id } : { from: 'parent' }
  const question = { tool, asker, visited }
  const alive = delegates.filter((peer) => seat.isAlive(peer)).toSorted((a, b) => Number(b === node.id) - Number(a === node.id))
  forward(
    world,
    node,
    alive,
    { ...question, arguments: ARGUMENTS },
    (there, done) => {
      const other = there.seats.get(step.group)
      if (other === undefined) done(false)
      else ask(world, other, question, done)
    },
    answer,
  )
}

/** Asks one after another of those that could know, until one answers. */
function forward(
  world: NestedWorld,
  from: Node,
  to: readonly PeerIdString[],
  content: object,
  handle: (there: Node, done: Answer) => void,
  answer: Answer,
): void {
  const [first, ...others] = to
  const there = first === undefined ? undefined : world.node(first)
  if (there === undefined) {
    answer(false)
    return
  }
  if (there === from) {
    handle(there, answer)
    return
  }
  let isOver = false
  const end = (found: boolean | undefined): void => {
    if (isOver) return
    isOver = true
    if (found === undefined) forward(world, from, others, content, handle, answer)
    else answer(found)
  }
  world.after(ANSWER_MS, () => end(undefined))
  world.send(from, there, 'calls', wireSize(content), () => {
    handle(there, (found) => world.send(there, from, 'calls', wireSize(found ? RESULT : NOBODY), () => end(found)))
  })
}

function work(world: NestedWorld, node: Node, tool: string, done: Answer): void {
  if (!node.tools.includes(tool)) {
    done(false)
    return
  }
  const tookMs = world.between(WORK_MIN_MS, WORK_MAX_MS)
  node.begin()
  world.after(tookMs, () => {
    node.end(tookMs, true)
    done(true)
  })
}
