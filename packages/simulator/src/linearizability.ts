/** One operation of one client, as the client saw it. Moments are ranks: no two events of a history share one. */
export interface Call<I, O> {
  readonly input: I
  readonly calledAt: number
  /** Absent: the outcome never became known; it may have taken effect at any time since, or never. */
  readonly answer?: { readonly output: O; readonly at: number }
}

/** What the object does when one operation happens after the other. */
export interface SequentialModel<S, I, O> {
  readonly initial: S
  /** The state after `input`, or `undefined` when `output` cannot be the answer in `state`. Without `output` any answer will do. */
  step(state: S, input: I, output: { readonly value: O } | undefined): S | undefined
  /** Equal states have equal keys, others others. */
  key(state: S): string
}

export type Verdict =
  | { readonly linearizable: true; readonly steps: number }
  /** `stuckAt`: no order explains all calls answered up to the one whose input this is. */
  | { readonly linearizable: false; readonly steps: number; readonly stuckAt: number }
  /** The bound on steps was reached first. */
  | { readonly linearizable: undefined; readonly steps: number }

interface Node {
  readonly call: number
  readonly isAnswer: boolean
  previous: Node | undefined
  next: Node | undefined
  /** Of a call that was answered: its answer. */
  answer: Node | undefined
}

/**
 * Whether some order of the calls, each placed between its call and its answer, explains every answer: the search of Wing and
 * Gong (1993) with Lowe's memory of configurations already tried (2017), as in Porcupine. Worst case exponential; bounded by
 * `stepsMax`.
 */
export function checkLinearizable<S, I, O>(
  model: SequentialModel<S, I, O>,
  history: readonly Call<I, O>[],
  stepsMax = 200_000,
): Verdict {
  const head = linked(history)
  let unanswered = history.filter(({ answer }) => answer !== undefined).length
  const taken = new Uint8Array(history.length)
  const tried = new Set<string>()
  const undo: { node: Node; state: S }[] = []
  let state = model.initial
  let node = head.next
  let stuckAt = -1
  for (let steps = 0; ; steps++) {
    if (unanswered === 0) return { linearizable: true, steps }
    if (steps >= stepsMax) return { linearizable: undefined, steps }
    const call = node === undefined ? undefined : history[node.call]
    if (node !== undefined && call !== undefined && !node.isAnswer) {
      const after = model.step(state, call.input, call.answer === undefined ? undefined : { value: call.answer.output })
      taken[node.call] = 1
      const key = after === undefined ? undefined : `${model.key(after)} ${taken.join('')}`
      if (after !== undefined && key !== undefined && !tried.has(key)) {
        tried.add(key)
        undo.push({ node, state })
        state = after
        lift(node)
        if (call.answer !== undefined) unanswered--
        node = head.next
      } else {
        taken[node.call] = 0
        node = node.next
      }
      continue
    }
    // An answer whose call was not placed yet: no further call may come before it.
    if (node !== undefined) stuckAt = Math.max(stuckAt, history[node.call]?.answer?.at ?? -1)
    const last = undo.pop()
    if (last === undefined)
      return { linearizable: false, steps, stuckAt: history.findIndex(({ answer }) => answer?.at === stuckAt) }
    state = last.state
    taken[last.node.call] = 0
    if (last.node.answer !== undefined) unanswered++
    unlift(last.node)
    node = last.node.next
  }
}

/** Calls and answers in order of time, behind a head that is neither. */
function linked<I, O>(history: readonly Call<I, O>[]): Node {
  const events: { at: number; node: Node }[] = []
  history.forEach(({ calledAt, answer }, call) => {
    const end: Node | undefined =
      answer === undefined ? undefined : { call, isAnswer: true, previous: undefined, next: undefined, answer: undefined }
    events.push({ at: calledAt, node: { call, isAnswer: false, previous: undefined, next: undefined, answer: end } })
    if (end !== undefined && answer !== undefined) events.push({ at: answer.at, node: end })
  })
  events.sort((a, b) => a.at - b.at)
  const head: Node = { call: -1, isAnswer: false, previous: undefined, next: undefined, answer: undefined }
  let last = head
  for (const { node } of events) {
    last.next = node
    node.previous = last
    last = node
  }
  return head
}

function lift(node: Node): void {
  for (const each of [node, node.answer]) {
    if (each === undefined) continue
    if (each.previous !== undefined) each.previous.next = each.next
    if (each.next !== undefined) each.next.previous = each.previous
  }
}

/** In the opposite order, each between the neighbours that it remembers. */
function unlift(node: Node): void {
  for (const each of [node.answer, node]) {
    if (each === undefined) continue
    if (each.previous !== undefined) each.previous.next = each
    if (each.next !== undefined) each.next.previous = each
  }
}
