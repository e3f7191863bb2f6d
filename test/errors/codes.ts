/** Where a code belongs: `readonly code = 'VSMCP_…'` in a class, its type named or not. */
const OF_CLASS = /\bcode(?:: [^=\n]+)? = '(VSMCP_[A-Z0-9_]+)'/g

/** Where a code is used in a plain shape: `code: 'VSMCP_…'`. */
const IN_SHAPE = /\bcode: '(VSMCP_[A-Z0-9_]+)'/g

/** A row of the table: `| VSMCP_X | meaning | what to do |`, the code in backticks. */
const ROW = /^\| `(VSMCP_[A-Z0-9_]+)` \|([^|]*)\|([^|]*)\|$/gm

/** Codes in sources. @returns by code, in order, the files whose classes own it; none for a code that only plain shapes use */
export function declaredCodes(files: ReadonlyMap<string, string>): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [path, text] of files) {
    for (const [, code = ''] of text.matchAll(OF_CLASS)) found.set(code, [...(found.get(code) ?? []), path])
    for (const [, code = ''] of text.matchAll(IN_SHAPE)) found.set(code, found.get(code) ?? [])
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export interface DocumentedCode {
  code: string
  meaning: string
  advice: string
}

/** Rows of `docs/errors.md`, in the order they stand there. */
export function documentedCodes(markdown: string): DocumentedCode[] {
  return [...markdown.matchAll(ROW)].map(([, code = '', meaning = '', advice = '']) => ({
    code,
    meaning: meaning.trim(),
    advice: advice.trim(),
  }))
}

/** What is wrong between the two, as sentences that say what to do; none when the list holds. */
export function differences(declared: ReadonlyMap<string, readonly string[]>, documented: readonly DocumentedCode[]): string[] {
  const listed = new Set(documented.map(({ code }) => code))
  const problems: string[] = []
  for (const [code, paths] of declared) {
    if (!listed.has(code))
      problems.push(
        `${code} (${paths.join(', ') || 'a plain shape'}) is not in docs/errors.md; add a row: | \`${code}\` | meaning | what to do |`,
      )
    const files = new Set(paths)
    if (files.size > 1) problems.push(`${code} is declared in ${[...files].join(' and ')}; a code has one class`)
  }
  for (const { code, meaning, advice } of documented) {
    if (!declared.has(code) && !/no longer raised/i.test(meaning))
      problems.push(
        `${code} is in docs/errors.md but nowhere in the sources; if it was ever released, let its meaning say "no longer raised"`,
      )
    if (meaning === '' || advice === '') problems.push(`${code} in docs/errors.md lacks its meaning or what to do`)
  }
  const codes = documented.map(({ code }) => code)
  if (codes.join() !== [...new Set(codes)].sort().join())
    problems.push('the rows of docs/errors.md are not in the order of their codes, once each')
  return problems
}
