import { Emitter } from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import { expect, it } from 'vitest'
import type { Algedonic } from '../src/algedonic/algedonic.ts'
import { LoopSense } from '../src/algedonic/loop-sense.ts'
import { Senses } from '../src/algedonic/senses.ts'
import { UnitSenses } from '../src/algedonic/unit-senses.ts'
import { LOOP_LOOK_MS, SYSTEM5_MISSED_MS, UNCALLED_WINDOWS } from '../src/constants.ts'
import { FORGETFUL } from './support/forgetful.ts'
import type { LocalUnits } from '../src/system1/local-units.ts'
import type { Operations } from '../src/system1/operations.ts'
import type { GroupLog } from '../src/system5/group-log.ts'
import { Hands } from './support/hands.ts'

const emitter = () =>
  new Emitter<Record<string, unknown>>((error) => {
    throw error
  })

/** What was felt, as words; and what the channel says back. */
class Felt {
  readonly said: string[] = []
  readonly texts: string[] = []
  readonly events = emitter()

  feel({ severity, subject, text }: { severity: string; subject: string; text: string }): void {
    this.said.push(`${severity}: ${subject}`)
    this.texts.push(text)
  }

  relieve({ subject }: { subject: string }): void {
    this.said.push(`well: ${subject}`)
  }

  remedy({ subject }: { subject: string }): void {
    this.said.push(`over: ${subject}`)
  }

  on(event: string, listener: (payload: never) => void): () => void {
    return this.events.on(event, listener as (payload: unknown) => void)
  }
}

it('a failed unit, a disk that refuses and a group that nobody leads for long hurt until they are well', async () => {
  const felt = new Felt()
  const hands = new Hands()
  const [units, log] = [emitter(), emitter()]
  const senses = new Senses({
    algedonic: felt as unknown as Algedonic,
    units: units as unknown as LocalUnits,
    log: Object.assign(log, { status: () => ({ leader: 'a' }) }) as unknown as GroupLog,
    clock: hands.clock,
  })
  await senses.start()
  felt.said.length = 0
  units.emit('unit:state', { name: 'files', state: 'backing-off', reason: 'died' })
  units.emit('unit:state', { name: 'files', state: 'failed', reason: 'exit code 1' })
  units.emit('unit:state', { name: 'files', state: 'ready' })
  log.emit('storage:failed', { error: new Error('no space left') })
  log.emit('storage:recovered', {})
  expect(felt.said.splice(0)).toEqual([
    'high: unit files failed',
    'well: unit files failed',
    'critical: the disk refuses writes: this node decides nothing',
    'well: the disk refuses writes: this node decides nothing',
  ])
  expect(felt.texts).toEqual(['exit code 1', 'no space left'])
  // An election is no pain.
  log.emit('leader:changed', { leader: undefined })
  hands.pass(SYSTEM5_MISSED_MS - 1)
  log.emit('leader:changed', { leader: 'b' })
  hands.pass(60_000)
  expect(felt.said.splice(0).filter((said) => said.startsWith('critical'))).toEqual([])
  log.emit('leader:changed', { leader: undefined })
  hands.pass(SYSTEM5_MISSED_MS)
  expect(felt.said.splice(0)).toEqual(['critical: there is no System 5: nothing is decided'])
  log.emit('leader:changed', { leader: 'b' })
  expect(felt.said.splice(0)).toEqual(['well: there is no System 5: nothing is decided'])
  log.emit('leader:changed', { leader: undefined })
  await senses.stop()
  expect(hands.timers.size).toBe(0)
})

it('a unit that fails more than usual hurts; resolved by a person, that is usual; slow as usual is no pain', async () => {
  const felt = new Felt()
  const [operations, units] = [emitter(), emitter()]
  const senses = new UnitSenses({
    checkpoint: FORGETFUL,
    algedonic: felt as unknown as Algedonic,
    operations: operations as unknown as Operations,
    units: units as unknown as LocalUnits,
  })
  await senses.start()
  let medianMs = 50
  const unit = { name: 'files', latencies: () => ({ p50Ms: medianMs }) } as unknown as Unit
  const windows = (count: number, errors: number): void => {
    for (let at = 0; at < count; at++) {
      operations.emit('measured', { unit, figures: { calls: 20, errors, answered: 20 - errors } })
    }
  }
  windows(30, 0)
  expect(felt.said).toEqual([])
  windows(3, 15)
  expect(felt.said).toEqual(['high: unit files fails more than usual'])
  expect(felt.texts[0]).toMatch(/^\d\d\.\d % of its calls fail, usually 0\.\d+ %; too many with a probability of 0\.99\d+|1\.000/)
  felt.events.emit('own', {
    event: 'over',
    alert: { source: { system: 'system1', unit: 'files' }, subject: 'unit files fails more than usual' },
  })
  windows(20, 15)
  expect(felt.said.splice(0)).toHaveLength(1)
  medianMs = 400
  windows(4, 15)
  expect(felt.said.splice(0)).toEqual(['low: unit files is slower than usual'])
  for (let at = 0; at < UNCALLED_WINDOWS; at++) {
    operations.emit('measured', { unit, figures: { calls: 0, errors: 0, answered: 0 } })
  }
  expect(felt.said.splice(0)).toEqual(['over: unit files fails more than usual', 'over: unit files is slower than usual'])
  units.emit('unit:gone', { name: 'files' })
  expect(felt.said).toEqual(['over: unit files fails more than usual', 'over: unit files is slower than usual'])
  await senses.stop()
})

it('timers that come late again and again hurt, single ones do not', async () => {
  const felt = new Felt()
  const hands = new Hands()
  const sense = new LoopSense({ algedonic: felt as unknown as Algedonic, clock: hands.clock })
  await sense.start()
  hands.pass(120_000)
  hands.pass(LOOP_LOOK_MS, 2_000)
  hands.pass(120_000)
  expect(felt.said).toEqual([])
  hands.pass(30_000, 900)
  expect(felt.said).toEqual(['low: this node is too busy to keep time'])
  hands.pass(60_000)
  expect(felt.said.at(-1)).toBe('well: this node is too busy to keep time')
  await sense.stop()
})
