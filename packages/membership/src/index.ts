/**
 * Who is there, and when to dial whom again. Pure: events and `tick` in, effects out; time is an argument, chance a seeded source.
 */
import { ConnectionView } from './connection-view.ts'
import type { MembershipComponents, MembershipInit, MembershipView } from './contract.ts'

export type {
  DialEffect,
  DialFailure,
  Member,
  MembershipComponents,
  MembershipEffect,
  MembershipInit,
  MembershipView,
  MemberState,
  StateEffect,
} from './contract.ts'

export const membership =
  (init: MembershipInit) =>
  (components: MembershipComponents): MembershipView =>
    new ConnectionView(init, components)
