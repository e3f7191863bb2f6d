import { FEATURE_LEVEL } from '../../../packages/consensus/src/index.ts'
import { seededRandom, silentLogger, systemClock } from '../../../packages/kernel/src/index.ts'
import { createMesh, type Mesh } from '../../../packages/mesh/src/index.ts'
import { type Connection, multiaddr, rawGossipNode, type Stream } from '../../../packages/mesh/test/support/raw.ts'
import { dataDirectory } from '../../../packages/node/src/enrol/data-directory.ts'
import { type Enrolment, readEnrolment } from '../../../packages/node/src/enrol/enrolment.ts'
import { encodePassport, type Identity, loadIdentity, type Passport } from '../../../packages/security/src/index.ts'

/** Peers with bad intent. None of them runs any of the node's own manners unless it says so. */

const endings: (() => Promise<unknown>)[] = []

/** Ends all that was started here; for the end of a test file. */
export async function endHostiles(): Promise<void> {
  await Promise.allSettled(endings.splice(0).map((end) => end()))
}

export type Raw = Awaited<ReturnType<typeof rawGossipNode>>

/** libp2p with every transport and service of a mesh, no hello, no gate. */
export async function raw(): Promise<Raw> {
  const node = await rawGossipNode()
  endings.push(async () => node.stop())
  return node
}

export async function dialRaw(node: Raw, addresses: readonly string[]): Promise<Connection> {
  return node.dial(
    addresses.map((address) => multiaddr(address)),
    { signal: AbortSignal.timeout(10_000) },
  )
}

/** Opens a stream, says something, and tells how it ended. @returns bytes that came back, and whether the stream stayed open */
export async function tryProtocol(
  connection: Connection,
  protocol: string,
  said: Uint8Array,
  forMs = 300,
): Promise<{ heard: number; stayedOpen: boolean }> {
  let heard = 0
  let stream: Stream
  try {
    stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(5_000), runOnLimitedConnection: true })
  } catch {
    return { heard, stayedOpen: false }
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  stream.addEventListener('message', ({ data }) => (heard += data.byteLength))
  stream.addEventListener('close', () => resolve())
  if (stream.status !== 'open') resolve()
  try {
    stream.send(said)
  } catch {
    // aborted already
  }
  const timer = setTimeout(resolve, forMs)
  await promise
  clearTimeout(timer)
  const stayedOpen = stream.status === 'open'
  if (stayedOpen) stream.abort(new Error('done'))
  return { heard, stayedOpen }
}

/** What a peer shows at the hello, and the key it proves to hold. */
export interface Papers {
  readonly identity: Identity
  readonly enrolment: Enrolment
}

/** As found in a data directory: what a thief of the disk would have. */
export async function papersIn(dataDir: string): Promise<Papers> {
  const enrolment = await readEnrolment(dataDir)
  if (enrolment === undefined) throw new Error(`${dataDir} belongs to no mesh`)
  return { identity: await loadIdentity(dataDirectory(dataDir).identity), enrolment }
}

/** The passport that these papers make; `changed` puts other things into it. */
export function passportOf({ enrolment }: Papers, changed: Partial<Passport> = {}): Uint8Array {
  const { credential, chain, name } = enrolment
  const { firstCharter, links } = chain
  const wire = { min: 1, max: 1, level: FEATURE_LEVEL }
  return encodePassport({ credential, firstCharter, links, wire, name, addresses: [], version: '0.1.0', ...changed })
}

/** A peer with a mesh's manners that shows whatever it likes and believes everybody. */
export async function showing(identity: Identity, passport: () => Uint8Array): Promise<Mesh> {
  const mesh = createMesh({ listen: [], featureLevel: FEATURE_LEVEL })({
    privateKey: identity.privateKeyProtobuf,
    hello: { local: async () => passport(), verify: async () => ({ info: {} }) },
    clock: systemClock,
    random: seededRandom(7),
    logger: silentLogger,
  })
  await mesh.start()
  endings.push(async () => mesh.stop())
  return mesh
}
