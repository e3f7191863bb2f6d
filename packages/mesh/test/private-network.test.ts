import { expect, test } from 'vitest'
import { createMesh, newPnetKey } from '../src/index.ts'
import { bytes, pair, startMesh, text } from './support/nodes.ts'
import { newKey } from './support/raw.ts'
import { passwordHello } from './support/password-hello.ts'
import { seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'

test.for(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'])(
  'nodes with one pnet key understand each other at %s',
  async (address) => {
    const init = { listen: [address], pnetKey: newPnetKey() }
    const [a, b] = await pair(init, init)
    b.rpc.handle('echo', async ({ payload }) => payload)
    expect(text(await a.rpc.call(b.peerId, 'echo', bytes('inside'), { deadlineMs: 5_000 }))).toBe('inside')
    const large = new Uint8Array(5_000_000).fill(3)
    expect((await a.rpc.call(b.peerId, 'echo', large, { deadlineMs: 10_000 })).byteLength).toBe(large.byteLength)
  },
)

test.for([
  ['another key', newPnetKey(), newPnetKey()],
  ['no key at the other side', newPnetKey(), undefined],
  ['no key at this side', undefined, newPnetKey()],
] as const)('a node with %s is told so in words', async ([, ours, theirs]) => {
  const there = await startMesh(theirs === undefined ? {} : { pnetKey: theirs })
  const here = await startMesh(ours === undefined ? {} : { pnetKey: ours })
  const failure = await here.dial(there.listenAddresses(), { timeoutMs: 1_000 }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'VSMCP_MESH_DIAL', hint: expect.stringContaining('pnet key') })
  if (ours !== undefined) expect(failure).toMatchObject({ message: expect.stringContaining('its pnet key may be another') })
  expect(there.peers()).toEqual([])
})

test.for(['', 'x', newPnetKey().slice(0, -4), newPnetKey().replace('base16', 'base64')])('%o is no pnet key', async (pnetKey) => {
  const privateKey = await newKey()
  const components = { privateKey, hello: passwordHello('x'), clock: systemClock, random: seededRandom(1), logger: silentLogger }
  expect(() => createMesh({ pnetKey })(components)).toThrow(expect.objectContaining({ code: 'VSMCP_MESH_PNET_KEY' }))
})
