import { Heap } from '../heap.ts'
import type { Timeline } from './timeline.ts'

/** A call at work. */
export interface Work {
  /** When it is done, in the processor's own time. */
  readonly dueAt: number
  readonly beganMs: number
  readonly onDone: () => void
  isStopped: boolean
}

/**
 * What calls of one node are worked on by, all at the same pace (processor sharing): at full speed up to `places`, and beyond, where memory runs
 * out, so slowly that n of them together do `places² / n`. It keeps a time of its own, in which work takes as long as it is.
 */
export class Processor {
  readonly #timeline: Timeline
  readonly #places: number
  readonly #heap = new Heap<Work>((a, b) => a.dueAt < b.dueAt)
  #working = 0
  #ownMs = 0
  #atMs = 0
  #version = 0

  constructor(timeline: Timeline, places: number) {
    this.#timeline = timeline
    this.#places = places
  }

  begin(workMs: number, onDone: () => void): Work {
    this.#pass()
    const work = { dueAt: this.#ownMs + workMs, beganMs: this.#timeline.nowMs, onDone, isStopped: false }
    this.#heap.push(work)
    this.#working++
    this.#plan()
    return work
  }

  /** It is given up. */
  stop(work: Work): void {
    if (work.isStopped) return
    this.#pass()
    work.isStopped = true
    this.#working--
    this.#plan()
  }

  get #pace(): number {
    return this.#working <= this.#places ? 1 : (this.#places / this.#working) ** 2
  }

  #pass(): void {
    const { nowMs } = this.#timeline
    this.#ownMs += (nowMs - this.#atMs) * this.#pace
    this.#atMs = nowMs
  }

  #plan(): void {
    const version = ++this.#version
    while (this.#heap.first?.isStopped === true) this.#heap.pop()
    const { first } = this.#heap
    if (first === undefined) return
    this.#timeline.after(Math.max(0, (first.dueAt - this.#ownMs) / this.#pace), () => {
      if (version === this.#version) this.#finish(first)
    })
  }

  #finish(work: Work): void {
    this.#pass()
    this.#heap.pop()
    work.isStopped = true
    this.#working--
    this.#plan()
    work.onDone()
  }
}
