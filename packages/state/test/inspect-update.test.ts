import { randomInteger, seededRandom } from '@vsmcp/kernel'
import * as encoding from 'lib0/encoding'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { Carrier } from '../src/carrier.ts'
import { StateConflictError, StateRejectedError } from '../src/errors.ts'
import { inspectUpdate } from '../src/inspect-update.ts'
import { honestDocuments, pushed } from './support/honest-updates.ts'

function quietCarrier(): Carrier {
  const ignore = (): void => undefined
  return new Carrier({ onUpdate: ignore, onCame: ignore, onTouched: ignore, onClientChanged: ignore }, seededRandom(1))
}

/** Bytes of varuints and raw parts. */
function bytes(...parts: readonly (number | string | Uint8Array)[]): Uint8Array {
  return encoding.encode((encoder) => {
    for (const part of parts) {
      if (typeof part === 'number') encoding.writeVarUint(encoder, part)
      else if (typeof part === 'string') encoding.writeVarString(encoder, part)
      else encoding.writeUint8Array(encoder, part)
    }
  })
}

function repeated(head: Uint8Array, times: number, write: (encoder: encoding.Encoder, at: number) => void): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeUint8Array(encoder, head)
    for (let at = 0; at < times; at++) write(encoder, at)
  })
}

const NO_DELETES = 0
/** Head of an update of one client, 7, from clock 0 on, with so many structs. */
const oneClient = (structs: number, clock = 0): number[] => [1, structs, 7, clock]
const PUSH_FIRST = Uint8Array.of(8)
const ORIGIN = 0x80
const element = (key: string, val: Uint8Array): Uint8Array =>
  bytes(Uint8Array.of(118), 2, 'key', Uint8Array.of(119), key, 'val', Uint8Array.of(116), val.length, val)

describe('inspecting an update', () => {
  test('passes everything that honest nodes write: increments, merges, diffs and whole documents', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      const { docs, updates } = honestDocuments(random, 3, 60, 10)
      for (const update of updates) inspectUpdate(update)
      inspectUpdate(Y.mergeUpdates(updates))
      for (const doc of docs) {
        inspectUpdate(Y.encodeStateAsUpdate(doc))
        for (const other of docs) inspectUpdate(Y.encodeStateAsUpdate(doc, Y.encodeStateVector(other)))
      }
    }
  })

  test('counts what an update holds', () => {
    const size = inspectUpdate(
      pushed([
        { key: 'a', val: new Uint8Array(3) },
        { key: 'b', val: new Uint8Array() },
      ]),
    )
    expect(size).toMatchObject({ structs: 1, elements: 2, deleteRanges: 0 })
    expect([...size.ends.values()]).toEqual([2])
  })

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a count of clients without clients', bytes(2 ** 40)],
    ['a count of structs that Yjs would allocate for', bytes(1, 30_000_000, 7, 0)],
    ['a count of elements without elements', bytes(...oneClient(1), PUSH_FIRST, 1, 'records', 2 ** 31)],
    ['a clock beyond reason', bytes(...oneClient(1, 2 ** 40), 0, 1, NO_DELETES)],
    ['a garbage struct of absurd length', bytes(...oneClient(1), 0, 2 ** 50, NO_DELETES)],
    ['a skip of absurd length', bytes(...oneClient(1), 10, 2 ** 50, NO_DELETES)],
    ['an empty struct', bytes(...oneClient(1), 0, 0, NO_DELETES)],
    ['one client twice', bytes(2, 1, 7, 0, 0, 1, 1, 7, 1, 0, 1, NO_DELETES)],
    ['bytes left over', bytes(0, 0, 0)],
    ['another root type', bytes(...oneClient(1), PUSH_FIRST, 1, 'other', 1, element('k', new Uint8Array(1)), NO_DELETES)],
    ['a nested parent', bytes(...oneClient(1), PUSH_FIRST, 0, 7, 0, 1, element('k', new Uint8Array(1)), NO_DELETES)],
    ['a map entry', bytes(...oneClient(1), 8 | 0x20, 1, 'records', 'sub', 1, element('k', new Uint8Array(1)), NO_DELETES)],
    ['a string', bytes(...oneClient(1), 4 | ORIGIN, 7, 0, 'text', NO_DELETES)],
    ['a nested type', bytes(...oneClient(1), 7 | ORIGIN, 7, 0, 1, NO_DELETES)],
    ['a subdocument', bytes(...oneClient(1), 9 | ORIGIN, 7, 0, 'guid', Uint8Array.of(118), 0, NO_DELETES)],
    ['JSON content', bytes(...oneClient(1), 2 | ORIGIN, 7, 0, 1, '{}', NO_DELETES)],
    ['null instead of a record', bytes(...oneClient(1), PUSH_FIRST, 1, 'records', 1, Uint8Array.of(126), NO_DELETES)],
    [
      'a record with another field',
      bytes(...oneClient(1), PUSH_FIRST, 1, 'records', 1, Uint8Array.of(118), 1, 'x', Uint8Array.of(126), NO_DELETES),
    ],
    [
      'a record with its key twice',
      bytes(
        ...oneClient(1),
        PUSH_FIRST,
        1,
        'records',
        1,
        Uint8Array.of(118),
        2,
        'key',
        Uint8Array.of(119),
        'a',
        'key',
        Uint8Array.of(119),
        'b',
        NO_DELETES,
      ),
    ],
    [
      'a key that is not UTF-8',
      bytes(
        ...oneClient(1),
        PUSH_FIRST,
        1,
        'records',
        1,
        Uint8Array.of(118),
        2,
        'key',
        Uint8Array.of(119),
        1,
        Uint8Array.of(0xff),
        'val',
        Uint8Array.of(116),
        0,
        NO_DELETES,
      ),
    ],
    ['a value over its bound', pushed([{ key: 'k', val: new Uint8Array(256 * 1024 + 1) }])],
    ['a key over its bound', pushed([{ key: 'k'.repeat(2_000), val: new Uint8Array(1) }])],
    ['overlapping delete ranges', bytes(0, 1, 7, 2, 0, 1_000_000, 0, 1_000_000)],
    ['delete ranges out of order', bytes(0, 1, 7, 2, 10, 5, 0, 5)],
    ['deletes of one client twice', bytes(0, 2, 7, 1, 0, 5, 7, 1, 0, 5)],
    ['a count of delete ranges without ranges', bytes(0, 1, 7, 2 ** 40)],
    ['a varuint without end', new Uint8Array(64).fill(0xff)],
  ])('refuses %s', (_what, update) => {
    expect(() => inspectUpdate(update)).toThrow(StateRejectedError)
  })

  test('does linear work: a megabyte of the worst that passes or fails late is walked in a blink', () => {
    const worst = [
      repeated(bytes(...oneClient(400_000)), 400_000, (encoder) => encoding.writeUint16(encoder, 0x0100)),
      repeated(bytes(0, 1, 7, 250_000), 250_000, (encoder, at) => {
        encoding.writeVarUint(encoder, at * 2)
        encoding.writeVarUint(encoder, 1)
      }),
      new Uint8Array(1024 * 1024).fill(1),
    ]
    for (const update of worst) {
      const before = process.threadCpuUsage()
      expect(() => inspectUpdate(update)).toThrow(StateRejectedError)
      expect(process.threadCpuUsage(before).user / 1_000).toBeLessThan(500)
    }
  })

  test('and then applying never throws anything but a rejection, whatever bytes were changed (seeds 1 to 40)', () => {
    let [passed, resets] = [0, 0]
    for (let seed = 1; seed <= 40; seed++) {
      const random = seededRandom(seed)
      const { docs, updates } = honestDocuments(random, 3, 30, 5)
      const carrier = quietCarrier()
      for (const honest of [...updates, ...docs.map((doc) => Y.encodeStateAsUpdate(doc))]) {
        const update = honest.slice(0, random.next() < 0.2 ? randomInteger(random, 0, honest.length) : honest.length)
        for (let change = randomInteger(random, 0, 3); change > 0 && update.length > 0; change--) {
          update[randomInteger(random, 0, update.length - 1)] = randomInteger(random, 0, 255)
        }
        try {
          carrier.apply(update)
          passed++
        } catch (error) {
          expect(error instanceof StateRejectedError || error instanceof StateConflictError, String(error)).toBe(true)
        }
        expect(carrier.encode().length).toBeGreaterThan(0)
        expect(carrier.digest()).toHaveLength(32)
      }
      // It still takes what is honest, if need be by giving up what was forged under honest clients' ids.
      try {
        for (const doc of docs) carrier.apply(Y.encodeStateAsUpdate(doc))
      } catch (error) {
        expect(error).toBeInstanceOf(StateConflictError)
        carrier.reset()
        resets++
        for (const doc of docs) carrier.apply(Y.encodeStateAsUpdate(doc))
      }
      carrier.change([{ key: 'units/me/x', val: Uint8Array.of(1) }])
      expect(carrier.get('units/me/x')).toEqual(Uint8Array.of(1))
    }
    expect(passed).toBeGreaterThan(200)
    expect(resets).toBeLessThan(20)
  })
})
