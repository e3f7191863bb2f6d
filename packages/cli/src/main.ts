import { run } from './program.ts'
import { EXIT } from './exit-code.ts'

// A reader that has seen enough, such as `head`, ends the command without a word. A node, which handles its own end,
// goes on without its reader.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (process.listenerCount('SIGTERM') === 0) process.exit(EXIT.done)
  })
}

const { env, stdin, stdout, stderr } = process
process.exitCode = await run({ argv: process.argv.slice(2), env, cwd: process.cwd(), stdin, stdout, stderr })
