import type { Applied, GroupState } from './group-state.ts'
import type { Member } from './docket.ts'
import type { GroupEffect } from './group-effect.ts'
import type { RefusalCode } from './apply-result.ts'

/** Where an operation stands in the log. */
export interface Place {
  readonly index: number
  readonly term: number
}

export function refused(state: GroupState, code: RefusalCode, message: string, holder?: string): Applied {
  return { state, result: { ok: false, code, message, ...(holder === undefined ? {} : { holder }) }, effects: [] }
}

/** Why something is refused, before it is. */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
  readonly holder?: string
}

export function refusedBy(state: GroupState, { code, message, holder }: Refusal): Applied {
  return refused(state, code, message, holder)
}

/** It was signed for another version than the one in force. */
export function refusedVersion(state: GroupState, what: string, expects: number | string, current: number | string): Applied {
  const message = `${what} are at version ${current}, and this was signed for ${expects === '' ? 'none' : expects}`
  return { state, result: { ok: false, code: 'version-differs', message, current }, effects: [] }
}

/** The state already says what was asked for. */
export function unchanged(state: GroupState, member?: Member): Applied {
  return { state, result: { ok: true, changed: false, ...(member === undefined ? {} : { member }) }, effects: [] }
}

export function changed(state: GroupState, effects: readonly GroupEffect[], member?: Member): Applied {
  return { state, result: { ok: true, changed: true, ...(member === undefined ? {} : { member }) }, effects }
}
