/** What `vsmcp mcp` does: a stdio server in a process of its own, in front of the endpoint whose address is its argument. */
import { seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { createRemoteRouter, runStdio } from '@vsmcp/mcp'

const components = { clock: systemClock, random: seededRandom(1), logger: silentLogger }
const router = createRemoteRouter({ url: process.argv[2] ?? '' })(components)
await router.start()
await runStdio({ stdin: process.stdin, stdout: process.stdout, backend: router })(components)
await router.stop()
