import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  assertChannel,
  type Channel,
  ChannelForbiddenError,
  type ChannelKind,
  type ChannelOf,
  CHANNELS,
  type GossipMessage,
  isChannel,
  SYSTEMS,
} from '../src/index.ts'

/** The model's own words, written down a second time: each kind, who may send it, to whom. */
const MODEL: Record<ChannelKind, Record<string, readonly string[]>> = {
  command: { system5: ['system3'], system3: ['system1'] },
  report: { system1: ['system3'], system3: ['system5'] },
  intelligence: { system4: ['system5', 'system3'], system5: ['system4'] },
  coordination: { system1: ['system2'], system2: ['system1'] },
  audit: { 'system3*': ['system1'] },
  algedonic: Object.fromEntries(SYSTEMS.map((system) => [system, ['system5']])),
}
const KINDS = Object.keys(MODEL) as ChannelKind[]
const EVERY_PAIR = KINDS.flatMap((kind) => SYSTEMS.flatMap((from) => SYSTEMS.map((to) => ({ kind, from, to }))))

describe('the table of channels', () => {
  it.each(EVERY_PAIR)('$kind from $from to $to: as the model says', (channel) => {
    const allowed = MODEL[channel.kind][channel.from]?.includes(channel.to) ?? false
    expect(isChannel(channel)).toBe(allowed)
    if (allowed) expect(() => assertChannel(channel)).not.toThrow()
    else expect(() => assertChannel(channel)).toThrow(ChannelForbiddenError)
  })

  it('has each row once', () => {
    expect(new Set(CHANNELS.map((row) => JSON.stringify(row))).size).toBe(CHANNELS.length)
  })

  it('says to whom a refused sender may speak', () => {
    const refused = { kind: 'command', from: 'system1', to: 'system5' }
    expect(() => assertChannel(refused)).toThrow(
      expect.objectContaining({
        code: 'VSMCP_VSM_CHANNEL_FORBIDDEN',
        message: 'system1 has no command channel to system5',
        hint: 'What system1 may send: report to system3, coordination to system2, algedonic to system5.',
      }),
    )
    expect(() => assertChannel({ kind: 'report', from: 'system9', to: 'system3' })).toThrow(
      expect.objectContaining({ hint: 'There is no system "system9" in the model.' }),
    )
  })

  it('refuses names every object has', () => {
    expect(isChannel({ kind: 'constructor', from: '__proto__', to: 'toString' })).toBe(false)
  })
})

describe('the table as types', () => {
  it('compiles what is in the table and nothing else', () => {
    expectTypeOf<{ kind: 'command'; from: 'system5'; to: 'system3' }>().toExtend<Channel>()
    expectTypeOf<{ kind: 'audit'; from: 'system3*'; to: 'system1' }>().toExtend<Channel>()
    expectTypeOf<{ kind: 'command'; from: 'system5'; to: 'system1' }>().not.toExtend<Channel>()
    expectTypeOf<{ kind: 'command'; from: 'system1'; to: 'system3' }>().not.toExtend<Channel>()
    expectTypeOf<{ kind: 'report'; from: 'system1'; to: 'system5' }>().not.toExtend<Channel>()
    expectTypeOf<{ kind: 'algedonic'; from: 'system5'; to: 'system1' }>().not.toExtend<Channel>()
  })

  it('gives a kind only its senders and receivers', () => {
    expectTypeOf<ChannelOf<'audit'>['from']>().toEqualTypeOf<'system3*'>()
    expectTypeOf<ChannelOf<'report', 'system1'>['to']>().toEqualTypeOf<'system3'>()
    expectTypeOf<ChannelOf<'report', 'system2'>>().toBeNever()
    expectTypeOf<ChannelOf<'algedonic'>['to']>().toEqualTypeOf<'system5'>()
    expectTypeOf<ChannelOf<'algedonic'>['from']>().toEqualTypeOf<(typeof SYSTEMS)[number]>()
  })

  it('lets a topic carry only its own channel and body', () => {
    type OnControl = GossipMessage<'control'>['channel']
    expectTypeOf<{ kind: 'report'; from: 'system3'; to: 'system5' }>().toExtend<OnControl>()
    expectTypeOf<{ kind: 'report'; from: 'system1'; to: 'system3' }>().not.toExtend<OnControl>()
    expectTypeOf<GossipMessage<'policy'>['body']>().not.toExtend<GossipMessage<'control'>['body']>()
  })

  it('narrows a claimed channel once it is asserted', () => {
    const claimed: { kind: string; from: string; to: string } = { kind: 'report', from: 'system1', to: 'system3' }
    assertChannel(claimed)
    expectTypeOf(claimed).toExtend<Channel>()
  })
})
