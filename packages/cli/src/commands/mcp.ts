import { createApiClient, findControlSocket } from '@vsmcp/api'
import { randomInt } from 'node:crypto'
import { seededRandom, systemClock } from '@vsmcp/kernel'
import { VERSION } from '../constants.ts'
import { stderrLogger } from '../terminal/stderr-logger.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .addHelpText(
      'after',
      notes(
        'For MCP clients that start a command; others use the address that "vsmcp status" shows. Needs a running node.',
        'Speaks MCP on stdin and stdout until stdin ends; what goes wrong is said on stderr.',
      ),
    )
    .addHelpText(
      'after',
      examples('vsmcp mcp', 'claude mcp add vsmcp -- vsmcp mcp') +
        '\n\nIn a client\'s configuration:\n  { "mcpServers": { "vsmcp": { "command": "vsmcp", "args": ["mcp"] } } }',
    )
    .action(async () => {
      const { dataDir, env, stdin, stdout, stderr } = open(command)
      // Says in plain words that no node is there, before a client waits for an answer.
      await createApiClient({ dataDir, env }).status()
      const { createRemoteRouter, runStdio } = await import('@vsmcp/node')
      const random = seededRandom(randomInt(2 ** 47))
      const components = { clock: systemClock, random, logger: stderrLogger(stderr) }
      const backend = createRemoteRouter({ socketPath: findControlSocket(dataDir, env) })(components)
      await backend.start()
      try {
        await runStdio({ stdin, stdout, backend, version: VERSION })(components)
      } finally {
        await backend.stop()
      }
    })
}
