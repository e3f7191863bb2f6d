import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Mutation } from '../mutation.ts'
import { MUTATIONS } from '../mutations.ts'
import type { Failure } from './lives.ts'
import { CONTROL_VARIABLE, MUTATION_VARIABLE } from './mutate.ts'

/** Milliseconds for one mutation: a mutant may well run in circles. */
const MUTANT_TIMEOUT_MS = 900_000

export interface Verdict {
  readonly mutation: Mutation
  /** The seed that showed it, and how; absent when none did. */
  readonly caught: Failure | undefined
  /** Why it could not be tried. */
  readonly unfit?: string
}

/** Plants mutations one by one, each in a process of its own, and lives seeds until one shows it. */
export async function runMutants(
  mutations: readonly Mutation[],
  jobs: number,
  onVerdict: (verdict: Verdict) => void = () => {},
): Promise<Verdict[]> {
  const queue = [...mutations]
  const verdicts: Verdict[] = []
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
        const verdict = await runMutant(mutation)
        verdicts.push(verdict)
        onVerdict(verdict)
      }
    }),
  )
  return verdicts
}

export function mutationsNamed(words: readonly string[]): readonly Mutation[] {
  return words.length === 0 ? MUTATIONS : MUTATIONS.filter(({ name }) => words.some((word) => name.includes(word)))
}

/** What helps a mutation to show itself must be harmless: without the broken rule the same seeds show nothing. */
async function runMutant(mutation: Mutation): Promise<Verdict> {
  const verdict = await live(mutation, mutation.seedsMax, {})
  if (verdict.caught === undefined || mutation.also === undefined) return verdict
  const control = await live(mutation, verdict.caught.seed, { [CONTROL_VARIABLE]: 'yes' })
  if (control.caught === undefined) return { ...control, caught: control.unfit === undefined ? verdict.caught : undefined }
  const { seed, invariant } = control.caught
  return { mutation, caught: undefined, unfit: `what it comes with shows by itself, in seed ${seed}: ${invariant}` }
}

async function live(mutation: Mutation, seedsMax: number, how: Readonly<Record<string, string>>): Promise<Verdict> {
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
  const hook = new URL('./mutate.ts', import.meta.url).href
  const args = ['--import', hook, file('./worker.ts'), 'until-failure', String(seedsMax)]
  const env = { ...process.env, [MUTATION_VARIABLE]: mutation.name, ...how }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env, timeout: MUTANT_TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error !== null) {
        const reason =
          stderr
            .trim()
            .split('\n')
            .find((line) => line.includes('mutation')) ??
          `it ended with ${error.code ?? error.signal ?? '?'}: ${stderr.slice(-300)}`
        resolve({ mutation, caught: undefined, unfit: reason })
      } else resolve({ mutation, caught: (JSON.parse(stdout) as { caught?: Failure }).caught })
    })
  })
}
