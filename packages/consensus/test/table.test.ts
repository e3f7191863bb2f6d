import { seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { Table } from '../src/index.ts'

test('a table is a map that never changes: every version goes on saying what it said', () => {
  const random = seededRandom(8)
  let table = Table.empty<number>()
  const model = new Map<string, number>()
  const versions: [Table<number>, [string, number][]][] = []
  for (let i = 0; i < 3_000; i++) {
    const key = `k${Math.floor(random.next() * 300)}`
    if (random.next() < 0.6) {
      table = table.with(key, i)
      model.set(key, i)
    } else {
      table = table.without(key)
      model.delete(key)
    }
    if (i % 100 === 0) versions.push([table, [...model].sort(([a], [b]) => (a < b ? -1 : 1))])
  }
  for (const [version, expected] of versions) {
    expect(version.entries()).toEqual(expected)
    expect(version.size).toBe(expected.length)
    expect(new Map(version)).toEqual(new Map(expected))
    expect(Table.from(expected).entries()).toEqual(expected)
    expect(version.keys()).toEqual(expected.map(([key]) => key))
  }
  expect(table.get('nope')).toBeUndefined()
  expect(table.without('nope')).toBe(table)
})
