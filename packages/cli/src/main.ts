import { systemClock } from '@vsmcp/kernel'
import { EXIT_GRACE_MS } from './constants.ts'
import { EXIT } from './exit-code.ts'
import { run } from './program.ts'

// A reader that has seen enough, such as `head`, ends the command without a word. A node, which handles its own end,
// goes on without its reader.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (process.listenerCount('SIGTERM') === 0) process.exit(EXIT.done)
  })
}

const { env, stdin, stdout, stderr } = process
const cwd = currentDirectory()
process.exitCode = await run({ argv: process.argv.slice(2), env, cwd, stdin, stdout, stderr })

// All is said; once it has left, what a library still holds open does not keep the process.
for (const stream of [stdout, stderr]) await new Promise((resolve) => stream.write('', resolve))
systemClock.after(EXIT_GRACE_MS, () => process.exit())

/** It may have been deleted under the shell. */
function currentDirectory(): string {
  try {
    return process.cwd()
  } catch {
    process.stderr.write('vsmcp: the current directory is not there any more; go to another one\n')
    return process.exit(EXIT.failed)
  }
}
