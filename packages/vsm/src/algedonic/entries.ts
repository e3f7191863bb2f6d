import { isWorse } from '@vsmcp/kernel'
import type { AlgedonicEffect } from './effects.ts'
import type { HeldAlert } from './held.ts'
import { keyOf, type Signal } from './signal.ts'

/** An alert of this node, and how far System 5 is told of it. */
export interface Entry {
  alert: HeldAlert
  readonly key: string
  /** When the level's term ends. */
  dueMs: number
  /** What System 5 is known to have heard. */
  told: { count: number; severity: HeldAlert['severity'] } | undefined
  /** An answer of System 5 is awaited. */
  asked: boolean
  /** System 5 may have heard of it, whatever came back. */
  left: boolean
  /** System 5 may have heard that it is over, now or later: this id is not used for what is felt from then on. */
  ending: boolean
  /** Not before this is System 5 told again. */
  notBeforeMs: number
  tries: number
  /** Felt by an earlier life of the node, and not by this one. */
  unfeltSinceMs: number | undefined
}

/** The alerts of a node, each once, by id and by what is felt. The caller keeps to the bound. */
export class Entries {
  readonly #byId = new Map<string, Entry>()
  readonly #byKey = new Map<string, Entry>()

  get size(): number {
    return this.#byId.size
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#byId.values()
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id)
  }

  /** What is felt under the same key. */
  of(signal: Pick<Signal, 'source' | 'subject'>): Entry | undefined {
    return this.#byKey.get(keyOf(signal))
  }

  add(alert: HeldAlert, { nowMs, ...times }: Pick<Entry, 'dueMs' | 'unfeltSinceMs'> & { nowMs: number }): Entry {
    const entry: Entry = {
      alert,
      key: keyOf(alert),
      ...times,
      told: undefined,
      asked: false,
      left: alert.level === 'group',
      ending: alert.remedied !== undefined,
      notBeforeMs: nowMs,
      tries: 0,
    }
    this.#byId.set(alert.id, entry)
    this.#byKey.set(entry.key, entry)
    return entry
  }

  delete(entry: Entry): void {
    this.#byId.delete(entry.alert.id)
    if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key)
  }

  rename(entry: Entry, id: string): void {
    this.#byId.delete(entry.alert.id)
    entry.alert = { ...entry.alert, id }
    this.#byId.set(id, entry)
  }

  /** Of those that are the node's own affair; the oldest. */
  leastSevere(): Entry | undefined {
    let least: Entry | undefined
    for (const entry of this) {
      if (entry.alert.level !== 'node') continue
      if (least === undefined || isWorse(least.alert.severity, entry.alert.severity)) least = entry
    }
    return least
  }

  /** The clock went back by so much. */
  shift(backMs: number): void {
    for (const entry of this) {
      entry.dueMs -= backMs
      entry.notBeforeMs -= backMs
      if (entry.unfeltSinceMs !== undefined) entry.unfeltSinceMs -= backMs
    }
  }
}

export const keepOf = ({ alert }: Entry): AlgedonicEffect => ({ type: 'keep', alert })
