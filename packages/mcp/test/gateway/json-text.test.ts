import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  editObject,
  hasDuplicateKeys,
  isTooDeep,
  membersOf,
  memberText,
  onOneLine,
  scanObject,
} from '../../src/gateway/json-text.ts'

const SEED = 20260728

describe('membersOf', () => {
  it('finds the members of any object that JSON.stringify writes, with or without line breaks', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const members = membersOf(text) ?? []
        expect(members.map((member) => member.key)).toEqual(Object.keys(JSON.parse(text) as object))
        for (const { key, start, end } of members) {
          expect(JSON.parse(text.slice(start, end))).toEqual((JSON.parse(text) as Record<string, unknown>)[key])
        }
      }),
      { seed: SEED, numRuns: 100 },
    )
  })

  it('ends for any text and never claims members of what is no object', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', ' ', 'a', '1'), maxLength: 24 }),
        (text) => {
          let parsed: unknown
          try {
            parsed = JSON.parse(text)
          } catch {
            parsed = undefined
          }
          const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
          if (isObject) expect(membersOf(text)).toBeDefined()
          else if (parsed !== undefined) expect(membersOf(text)).toBeUndefined()
          else membersOf(text)
        },
      ),
      { seed: SEED, numRuns: 2_000 },
    )
  })

  it('reads keys with escapes and values with quotes, backslashes and brackets in them', () => {
    const text = String.raw`{"a\"b": "}\\", "c": [{"d": "]\""}], "e" : -1.5e3 }`
    expect(membersOf(text)?.map(({ key, start, end }) => [key, text.slice(start, end)])).toEqual([
      ['a"b', String.raw`"}\\"`],
      ['c', String.raw`[{"d": "]\""}]`],
      ['e', '-1.5e3'],
    ])
  })

  it('counts levels: as many as allowed pass, one more does not', () => {
    const nested = (levels: number): string => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
    expect(scanObject(nested(8), 8)).not.toBe('too-deep')
    expect(scanObject(nested(9), 8)).toBe('too-deep')
    expect(isTooDeep('['.repeat(9), 8)).toBe(true)
    expect(isTooDeep(`["${'['.repeat(9)}"]`, 8)).toBe(false)
  })

  it('gives the members of a nested object in the same pass', () => {
    const text = '{"params":{"x":1,"params":{"y":2}},"z":3}'
    const scanned = scanObject(text, 9, 'params')
    expect(typeof scanned === 'string' ? scanned : scanned.nested?.map((member) => member.key)).toEqual(['x', 'params'])
  })
})

describe('editObject', () => {
  it('replaces, adds and removes members and leaves the others as they were written', () => {
    const text = '{"big": 12345678901234567890, "a": 1, "b": 1.0}'
    const edited = editObject(
      text,
      membersOf(text) ?? [],
      new Map([
        ['a', '{"x":2}'],
        ['b', undefined],
        ['c', '"new"'],
      ]),
    )
    expect(edited).toBe('{"big":12345678901234567890,"a":{"x":2},"c":"new"}')
  })

  it('does to any object what assigning and deleting do to its value', () => {
    const key = fc.constantFrom('a', 'b', 'c', '__proto__x', '"')
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), key, fc.option(fc.jsonValue()), (value, name, replacement) => {
        const text = JSON.stringify(value)
        const json = replacement === null ? undefined : JSON.stringify(replacement)
        const expected = JSON.parse(text) as Record<string, unknown>
        if (json === undefined) delete expected[name]
        else expected[name] = JSON.parse(json)
        expect(JSON.parse(editObject(text, membersOf(text) ?? [], new Map([[name, json]])))).toEqual(expected)
      }),
      { seed: SEED, numRuns: 100 },
    )
  })
})

describe('small helpers', () => {
  it('takes the last of two members with one name, as JSON.parse does, and notices that there are two', () => {
    const text = '{"a":1,"b":2,"a":3}'
    const members = membersOf(text) ?? []
    expect(memberText(text, members, 'a')).toBe('3')
    expect(hasDuplicateKeys(members)).toBe(true)
    expect(hasDuplicateKeys(members.slice(1))).toBe(false)
  })

  it('puts text on one line without changing its value', () => {
    const text = '{\r\n  "a": "x\\ny"\n}'
    expect(onOneLine(text)).not.toMatch(/[\r\n]/)
    expect(JSON.parse(onOneLine(text))).toEqual({ a: 'x\ny' })
  })
})
