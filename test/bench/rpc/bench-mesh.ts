import { seededRandom, silentLogger, systemClock } from '../../../packages/kernel/src/index.ts'
import { createMesh, type Mesh } from '../../../packages/mesh/src/index.ts'
import { newKey } from '../../../packages/mesh/test/support/raw.ts'

/** A started mesh that lets everybody in: what is measured is the path, not the credentials. */
export async function benchMesh(listen: readonly string[]): Promise<Mesh> {
  const mesh = createMesh({ listen })({
    privateKey: await newKey(),
    hello: { local: async () => new Uint8Array(1), verify: async () => ({ info: {} }) },
    clock: systemClock,
    random: seededRandom(process.pid),
    logger: silentLogger,
  })
  await mesh.start()
  return mesh
}
