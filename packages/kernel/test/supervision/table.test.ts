import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

it('docs/supervision.md lists the rules of OTP that are tested, in their order, and no others', () => {
  const tests = [...read('otp.test.ts').matchAll(/describe\('([^']+)'|\bit(?:\.each\([^)]*\))?\(\s*'([^']+)'/g)]
  let about = ''
  const tested: string[] = []
  for (const [, section, rule] of tests) {
    if (section !== undefined) about = section
    else tested.push(`${about}: ${rule?.replace('%s', '`rest_for_one` and `one_for_all`') ?? ''}`)
  }
  const section = read('../../../../docs/supervision.md').split('\n## ')[1] ?? ''
  const listed = [...section.matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)].map(([, a = '', rule = '']) => `${a}: ${rule}`)
  expect(tested.length).toBeGreaterThan(25)
  expect(listed).toEqual(['about: rule', ...tested])
})
