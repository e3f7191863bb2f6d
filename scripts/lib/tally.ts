import { messageOf } from './message-of.ts'

/** Counts what is checked, prints each check with its time, and ends with the one line that CI reads. */
export class Tally {
  #passed = 0
  readonly #failures: string[] = []
  readonly #skips: { name: string; reason: string }[] = []

  /** Runs one check that counts as one; throwing is failing. The next check runs all the same. @returns whether it passed */
  async check(name: string, work: () => Promise<void>): Promise<boolean> {
    return this.step(name, async () => {
      await work()
      this.#passed++
    })
  }

  /** Runs a step that adds its own counts; throwing counts as one failure. @returns whether it did not throw */
  async step(name: string, work: () => Promise<void>): Promise<boolean> {
    console.log(`\n── ${name}`)
    const started = performance.now()
    const seconds = (): string => `${((performance.now() - started) / 1_000).toFixed(1)} s`
    try {
      await work()
      console.log(`── ${name}: done in ${seconds()}`)
      return true
    } catch (error) {
      this.#failures.push(name)
      console.log(messageOf(error))
      console.log(`── ${name}: FAILED after ${seconds()}`)
      return false
    }
  }

  add(counts: { passed: number; failures: readonly string[]; skipped: readonly { name: string; reason: string }[] }): void {
    this.#passed += counts.passed
    this.#failures.push(...counts.failures)
    this.#skips.push(...counts.skipped)
  }

  skip(name: string, reason: string): void {
    console.log(`\n── ${name}: skipped, ${reason}`)
    this.#skips.push({ name, reason })
  }

  /** Prints skips, failures and the closing line. @returns the exit code */
  close(): number {
    console.log('')
    for (const { name, reason } of this.#skips) console.log(`skipped: ${name} (${reason})`)
    for (const name of this.#failures) console.log(`failed: ${name}`)
    const skipped = this.#skips.length > 0 ? `, ${this.#skips.length} skipped` : ''
    console.log(`${this.#passed} passed, ${this.#failures.length} failed${skipped}`)
    return this.#failures.length > 0 ? 1 : 0
  }
}
