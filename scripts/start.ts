/**
 * `npm start`: builds the bundle when a source has changed since the last time, then runs the main job with it.
 * Arguments go to the main job: `npm start -- --once`.
 */
import { ensureBuilt } from './build.ts'
import { demo } from './demo.ts'

await ensureBuilt({ say: (line) => console.error(`vsmcp: ${line}`) })
process.exitCode = await demo(process.argv.slice(2))
