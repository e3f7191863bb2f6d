/** The process of `childMesh`: a mesh that dials the addresses it reads on stdin, one JSON array a line. */
import { createInterface } from 'node:readline'
import { seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { createMesh } from '../../src/index.ts'
import { passwordHello } from './password-hello.ts'

const [, , key = '', name = 'child'] = process.argv
const mesh = createMesh({ listen: ['/ip4/127.0.0.1/tcp/0'] })({
  privateKey: Buffer.from(key, 'base64'),
  hello: passwordHello(name),
  clock: systemClock,
  random: seededRandom(process.pid),
  logger: silentLogger,
})
mesh.rpc.handle('echo', async ({ payload }) => payload)
await mesh.start()
process.stdout.write(`${JSON.stringify({ peerId: mesh.peerId, addresses: mesh.listenAddresses() })}\n`)

for await (const line of createInterface(process.stdin)) {
  const outcome = await mesh.dial(JSON.parse(line) as string[]).then(
    () => 'up',
    (error: unknown) => String(error),
  )
  process.stdout.write(`${outcome}\n`)
}
