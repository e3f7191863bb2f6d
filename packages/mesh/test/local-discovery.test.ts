import multicastDns from 'multicast-dns'
import { networkInterfaces } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import type { Mesh } from '../src/index.ts'
import { serviceTag } from '../src/local-discovery.ts'
import { type Info, next, startMesh } from './support/nodes.ts'

const own = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
const HERE = own.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
const init = { listen: [`/ip4/${HERE}/tcp/0`] }

let meshes = 0
const newMeshId = (): string => `test-${process.pid}-${(meshes += 1)}`

test('two nodes of one mesh find each other on the local network, and those of another mesh do not', async () => {
  const mdnsMeshId = newMeshId()
  const a = await startMesh({ ...init, name: 'a', mdnsMeshId })
  const heard: string[] = []
  a.on('peer:found', ({ peer }) => void heard.push(peer))
  const found = next(a, 'peer:found')
  await startMesh({ ...init, name: 'other', mdnsMeshId: newMeshId() })
  const b = await startMesh({ ...init, name: 'b', mdnsMeshId })
  const foundBack = next(b, 'peer:found')
  expect(await foundBack).toEqual({ peer: a.peerId, addresses: a.listenAddresses() })
  expect(new Set(heard)).not.toContain(a.peerId)
  // a asks every ten seconds; here a third asks for it
  const asker = multicastDns({ interface: HERE, bind: '0.0.0.0' })
  onTestFinished(() => asker.destroy())
  await asksUntil(asker, mdnsMeshId, found)
  expect(new Set(heard)).toEqual(new Set([b.peerId]))
})

async function asksUntil(asker: multicastDns.MulticastDNS, meshId: string, done: Promise<unknown>): Promise<void> {
  const timer = setInterval(() => asker.query({ questions: [{ name: serviceTag(meshId), type: 'PTR' }] }), 200)
  onTestFinished(() => clearInterval(timer))
  await done
}

test('what is found is a hint only: nobody is a peer by being there', async () => {
  const mdnsMeshId = newMeshId()
  const a = await startMesh({ ...init, mdnsMeshId })
  const b = await startMesh({ ...init, mdnsMeshId })
  await next(b, 'peer:found')
  expect([...a.peers(), ...b.peers()]).toEqual([])
})

test('an address that it was not sent from is not believed, nor is garbage', async () => {
  const mdnsMeshId = newMeshId()
  const node = await startMesh({ ...init, mdnsMeshId })
  const found: unknown[] = []
  node.on('peer:found', (each) => void found.push(each))
  const liar = multicastDns({ interface: HERE, bind: '0.0.0.0' })
  onTestFinished(() => liar.destroy())
  const tag = serviceTag(mdnsMeshId)
  const says = (...data: string[]): void => {
    const texts = data.map((each) => ({ name: `x.${tag}`, type: 'TXT', data: `dnsaddr=${each}` }) as const)
    liar.respond({ answers: [{ name: tag, type: 'PTR', data: `x.${tag}` }, ...texts] })
  }
  const peer = await somebody()
  says(`/ip4/192.0.2.7/tcp/22/p2p/${peer}`, `/dns4/example.org/tcp/80/p2p/${peer}`)
  says('garbage', `/ip4/${HERE}/tcp/1`, `/ip4/${HERE}/tcp/1/p2p/nobody`, `/ip4/${HERE}/udp/1/p2p/${peer}`)
  says(`/ip4/${HERE}/tcp/4950/p2p/${node.peerId}`)
  const last = next(node, 'peer:found')
  says(`/ip4/${HERE}/tcp/4950/p2p/${peer}`)
  await last
  expect(found).toEqual([{ peer, addresses: [`/ip4/${HERE}/tcp/4950/p2p/${peer}`] }])
})

async function somebody(): Promise<string> {
  const mesh: Mesh<Info> = await startMesh({ listen: [] })
  return mesh.peerId
}

test('the tag does not tell the mesh id, and fits into a DNS label', () => {
  expect(serviceTag('m')).toMatch(/^_vsmcp-[0-9a-f]{20}\._udp\.local$/)
  expect(serviceTag('m')).not.toBe(serviceTag('n'))
})
