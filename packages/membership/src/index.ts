/**
 * Who is there, and when to dial whom again: SWIM with Lifeguard over connections that stand. Pure: events, messages and `tick`
 * in, effects out; time is an argument, chance a seeded source.
 */
import type { MembershipComponents, MembershipInit, MembershipView } from './contract.ts'
import { MemberView } from './member-view.ts'

export type {
  DialEffect,
  DialFailure,
  Evidence,
  Member,
  MembershipComponents,
  MembershipEffect,
  MembershipInit,
  MembershipView,
  MemberState,
  OffenceEffect,
  SendEffect,
  StateEffect,
} from './contract.ts'
export { InvalidMembershipMessageError } from './errors.ts'
export type { MembershipMessage, Rumor } from './message.ts'
export { validateMembershipMessage } from './validate-message.ts'

export const membership =
  (init: MembershipInit) =>
  (components: MembershipComponents): MembershipView =>
    new MemberView(init, components)
