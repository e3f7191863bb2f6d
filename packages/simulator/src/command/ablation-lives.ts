/** A process of its own for lives of the ablation: `FROM COUNT STEP` lives all variants of these seeds and says each as a line of JSON. */
import { liveOnce } from '../ablation/life.ts'
import { type VariantName, VARIANTS } from '../ablation/variant.ts'

const [from = 1, count = 0, step = 1] = process.argv.slice(2).map(Number)
for (let done = 0, seed = from; done < count; done++, seed += step) {
  for (const variant of Object.keys(VARIANTS) as VariantName[]) {
    process.stdout.write(`${JSON.stringify({ seed, variant, life: liveOnce(seed, VARIANTS[variant]) })}\n`)
  }
}
