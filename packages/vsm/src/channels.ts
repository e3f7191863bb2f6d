import { ChannelForbiddenError } from './errors.ts'

/** Beer's five systems and the audit channel System 3*. */
export const SYSTEMS = ['system1', 'system2', 'system3', 'system3*', 'system4', 'system5'] as const
export type SystemId = (typeof SYSTEMS)[number]

/**
 * The table of channels: all that may be said in a viable system, by whom to whom (S. Beer, Brain of the Firm, 2nd ed., part III). Types and
 * run-time checks both come from these rows, so that what is not here neither compiles nor passes.
 */
export const CHANNELS = [
  { kind: 'command', from: 'system5', to: 'system3' },
  { kind: 'command', from: 'system3', to: 'system1' },
  { kind: 'report', from: 'system1', to: 'system3' },
  { kind: 'report', from: 'system3', to: 'system5' },
  { kind: 'intelligence', from: 'system4', to: 'system5' },
  { kind: 'intelligence', from: 'system5', to: 'system4' },
  { kind: 'intelligence', from: 'system4', to: 'system3' },
  { kind: 'coordination', from: 'system2', to: 'system1' },
  { kind: 'coordination', from: 'system1', to: 'system2' },
  { kind: 'audit', from: 'system3*', to: 'system1' },
  { kind: 'algedonic', from: 'system1', to: 'system5' },
  { kind: 'algedonic', from: 'system2', to: 'system5' },
  { kind: 'algedonic', from: 'system3', to: 'system5' },
  { kind: 'algedonic', from: 'system3*', to: 'system5' },
  { kind: 'algedonic', from: 'system4', to: 'system5' },
  { kind: 'algedonic', from: 'system5', to: 'system5' },
] as const

export type Channel = (typeof CHANNELS)[number]
export type ChannelKind = Channel['kind']

/** The row of the table for a kind and a sender; `never` when there is none. */
export type ChannelOf<K extends ChannelKind, F extends SystemId = SystemId> = Extract<Channel, { kind: K; from: F }>

/** A sender, a receiver and a kind as somebody claims them. */
export interface ClaimedChannel {
  readonly kind: string
  readonly from: string
  readonly to: string
}

/** @returns whether the table has this channel */
export function isChannel(channel: ClaimedChannel): channel is Channel {
  return CHANNELS.some((row) => row.kind === channel.kind && row.from === channel.from && row.to === channel.to)
}

/** Throws `ChannelForbiddenError` for what is not in the table. */
export function assertChannel(channel: ClaimedChannel): asserts channel is Channel {
  if (isChannel(channel)) return
  const { kind, from, to } = channel
  const ways = CHANNELS.filter((row) => row.from === from).map((row) => `${row.kind} to ${row.to}`)
  throw new ChannelForbiddenError(`${from} has no ${kind} channel to ${to}`, {
    hint: ways.length === 0 ? `There is no system "${from}" in the model.` : `What ${from} may send: ${ways.join(', ')}.`,
    details: { kind, from, to },
  })
}
