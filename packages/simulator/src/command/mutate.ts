/**
 * `node --import …/mutate.ts`: breaks one rule of the real code while it is loaded. `VSMCP_SIM_MUTATION` names it. When the file is
 * never loaded, or no longer holds the snippet, the process ends with a message and status 3: a mutation that breaks nothing proves
 * nothing.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { mutated, patchesOf } from '../mutation.ts'
import { MUTATIONS } from '../mutations.ts'

export const MUTATION_VARIABLE = 'VSMCP_SIM_MUTATION'
/** Set: only what the mutation comes with is planted, and the rule is left whole. */
export const CONTROL_VARIABLE = 'VSMCP_SIM_CONTROL'
export const UNFIT_STATUS = 3

const wanted = process.env[MUTATION_VARIABLE]
if (wanted !== undefined) plant(wanted)

function plant(name: string): void {
  const mutation = MUTATIONS.find((each) => each.name === name)
  if (mutation === undefined) throw new Error(`there is no mutation "${name}"`)
  const patches = process.env[CONTROL_VARIABLE] === undefined ? patchesOf(mutation) : (mutation.also ?? [])
  const left = new Map(patches.map((patch) => [fileURLToPath(new URL(`../../../../${patch.file}`, import.meta.url)), patch]))
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const path = url.startsWith('file:') ? fileURLToPath(url) : ''
      const patch = left.get(path)
      if (patch === undefined) return loaded
      left.delete(path)
      const { source } = loaded
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
      return { ...loaded, source: mutated(text, name, patch) }
    },
  })
  process.on('exit', () => {
    for (const path of left.keys()) process.stderr.write(`the mutation "${name}" was never planted: nothing loads ${path}\n`)
    if (left.size > 0) process.exitCode = UNFIT_STATUS
  })
}
