/**
 * `node --import …/mutate.ts`: breaks one rule of the real code while it is loaded. `VSMCP_SIM_MUTATION` names it. When the file is
 * never loaded, or no longer holds the snippet, the process ends with a message and status 3: a mutation that breaks nothing proves
 * nothing.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { mutated } from '../mutation.ts'
import { MUTATIONS } from '../mutations.ts'

export const MUTATION_VARIABLE = 'VSMCP_SIM_MUTATION'
export const UNFIT_STATUS = 3

const wanted = process.env[MUTATION_VARIABLE]
if (wanted !== undefined) plant(wanted)

function plant(name: string): void {
  const mutation = MUTATIONS.find((each) => each.name === name)
  if (mutation === undefined) throw new Error(`there is no mutation "${name}"`)
  const target = fileURLToPath(new URL(`../../../../${mutation.file}`, import.meta.url))
  let planted = false
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.startsWith('file:') || fileURLToPath(url) !== target) return loaded
      const { source } = loaded
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
      planted = true
      return { ...loaded, source: mutated(text, mutation) }
    },
  })
  process.on('exit', () => {
    if (planted) return
    process.stderr.write(`the mutation "${name}" was never planted: nothing loads ${mutation.file}\n`)
    process.exitCode = UNFIT_STATUS
  })
}
