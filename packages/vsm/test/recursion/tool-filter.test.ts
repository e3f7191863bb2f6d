import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { FILTER_TEXT_MAX } from '../../src/recursion/tool-filter.ts'
import { FILTER_BITS, FILTER_CAPACITY, ToolFilter } from '../../src/index.ts'
import { murmur32 } from '../../src/recursion/murmur.ts'

const names = (count: number, prefix: string): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}-${at}__read_sensor`)
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('murmur32', () => {
  // Verification values of the reference implementation (A. Appleby, SMHasher), as widely published.
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['abc', 0, 0xb3dd93fa],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ])('hashes %o with seed %i as the reference does', (text, seed, hash) => {
    expect(murmur32(bytes(text), seed)).toBe(hash)
  })
})

describe('the filter of tools', () => {
  it('never denies what was added', () => {
    const added = names(FILTER_CAPACITY * 4, 'unit')
    const filter = ToolFilter.of(added)
    expect(added.filter((name) => !filter.mayHave(name))).toEqual([])
  })

  it('says yes wrongly to one name in a hundred at its capacity, and knows its rate', () => {
    const filter = ToolFilter.of(names(FILTER_CAPACITY, 'unit'))
    const others = names(100_000, 'other')
    const wrong = others.filter((name) => filter.mayHave(name)).length / others.length
    expect(wrong).toBeLessThan(0.012)
    expect(wrong).toBeGreaterThan(0.006)
    expect(Math.abs(wrong - filter.falsePositiveRate)).toBeLessThan(0.002)
    expect(filter.names).toBeGreaterThan(FILTER_CAPACITY * 0.97)
    expect(filter.names).toBeLessThan(FILTER_CAPACITY * 1.03)
  })

  it('joined is what one of all names would be', () => {
    const joined = ToolFilter.of(names(300, 'a'))
    joined.join(ToolFilter.of(names(200, 'b')))
    const whole = ToolFilter.of([...names(300, 'a'), ...names(200, 'b')])
    expect(joined.equals(whole)).toBe(true)
    expect(joined.falsePositiveRate).toBe(whole.falsePositiveRate)
    expect(joined.equals(ToolFilter.of(names(500, 'a')))).toBe(false)
  })

  it.each([0, 1, 50, 1_000, FILTER_CAPACITY, 30_000])(
    'of %i names survives being written and read, within its bound',
    (count) => {
      const filter = ToolFilter.of(names(count, 'unit'))
      const text = filter.toText()
      expect(text.length).toBeLessThanOrEqual(FILTER_TEXT_MAX)
      expect(ToolFilter.fromText(text)?.equals(filter)).toBe(true)
    },
  )

  it('takes little room where little is below: 400 bytes for fifty names', () => {
    expect(ToolFilter.of(names(50, 'unit')).toText().length).toBeLessThan(500)
  })

  it('that is full says yes to all, and is still a filter', () => {
    const filter = ToolFilter.fromText(`b${'_'.repeat(FILTER_BITS / 6)}`)
    expect(filter?.falsePositiveRate).toBe(1)
    expect(filter?.names).toBe(Number.POSITIVE_INFINITY)
    expect(ToolFilter.fromText(filter?.toText() ?? '')?.mayHave('anything')).toBe(true)
  })

  it.each([
    ['nothing', ''],
    ['another spelling', 'xAAAA'],
    ['what is no base64url', 'd!!'],
    ['too few bits', 'bAAAA'],
    ['a distance of none', 'dAA'],
    ['a distance beyond the end', 'd____Aw'],
    ['a distance that does not end', 'd_w'],
    ['more than any filter takes', `b${'A'.repeat(FILTER_TEXT_MAX)}`],
  ])('refuses %s', (_what, text) => {
    expect(ToolFilter.fromText(text)).toBeUndefined()
  })

  it('refuses or reads any text, and never throws', () => {
    const random = seededRandom(7)
    const letters = 'bdABCDEFGHIJKLMNOPQRSTUVWXYZ_-'
    for (let trial = 0; trial < 2_000; trial++) {
      const length = Math.floor(random.next() * 40)
      const text = Array.from({ length }, () => letters[Math.floor(random.next() * letters.length)] ?? '').join('')
      const filter = ToolFilter.fromText(text)
      if (filter !== undefined) expect(ToolFilter.fromText(filter.toText())?.equals(filter)).toBe(true)
    }
  })
})
