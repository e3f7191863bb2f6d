import { it, type TestContext } from 'vitest'

import { whyNoNamespaces } from './namespaces.ts'

let asked: Promise<string | undefined> | undefined

/** A test that needs network namespaces: where there can be none it is skipped, and says why. */
export function inNetwork(title: string, test: (context: TestContext) => Promise<void>, timeoutMs = 30_000): void {
  it(
    title,
    async (context) => {
      // Asked once: a first time may install what is missing.
      asked ??= whyNoNamespaces((line) => console.log(line))
      const why = await asked
      if (why !== undefined) context.skip(why)
      await test(context)
    },
    timeoutMs,
  )
}
