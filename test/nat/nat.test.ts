import { fileURLToPath } from 'node:url'

import { expect, onTestFinished } from 'vitest'

import { LocalNode, vsmcpAt } from '../../scripts/lib/local-mesh.ts'
import { inNetwork } from '../netns/in-network.ts'
import { Network } from '../netns/namespaces.ts'

const blobServer = fileURLToPath(new URL('blob-server.ts', import.meta.url))
const LISTEN = ['--listen', '/ip4/0.0.0.0/tcp/4950', '--http', '127.0.0.1:4951']
const TEN_MB = 10 * 1024 * 1024

/** What a home router does: everything from inside goes out under its own address, nothing comes in that was not asked for. */
const router = (masquerade: string): string => `table ip nat {
  chain post {
    type nat hook postrouting priority 100;
    oifname "wan" ${masquerade}
  }
}
table ip wall {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname != "wan" accept
  }
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "wan" ct state new drop
  }
}
`

/** One host in the open, and two at home, each behind a router of its own; both homes use the same addresses. */
async function twoHomes(network: Network, masquerade: string): Promise<void> {
  await network.addLan('wan')
  await network.addHost('open')
  await network.plug('open', 'wan', '45.33.0.1/24')
  for (const [home, host, outside, inside] of [
    ['home1', 'a', '45.33.0.11', '192.168.1.2'],
    ['home2', 'b', '45.33.0.12', '192.168.1.3'],
  ] as const) {
    const gate = `${home}r`
    await network.addLan(home)
    await network.addHost(gate)
    await network.plug(gate, 'wan', `${outside}/24`)
    await network.plug(gate, home, '192.168.1.1/24')
    await network.must(gate, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward')
    await network.nft(gate, router(masquerade))
    await network.addHost(host)
    await network.plug(host, home, `${inside}/24`)
    await network.must(host, 'ip', 'route', 'add', 'default', 'via', '192.168.1.1')
  }
}

interface Members {
  readonly name: string
  readonly state: string
}

/** A node in the open, and one in each home, members of one mesh; each home's runs a server. */
async function meshAcross(network: Network): Promise<{ open: LocalNode; a: LocalNode; b: LocalNode }> {
  const place = (host: string): { prefix: string[] } => ({ prefix: network.at(host) })
  const dir = (host: string): string => `${network.folder}/${host}`
  const start = async (host: string): Promise<LocalNode> => {
    const node = await LocalNode.start(dir(host), host, LISTEN, place(host))
    onTestFinished(() => node.end('SIGKILL'))
    return node
  }
  await vsmcpAt(place('open'), dir('open'), 'init', '--name', 'across')
  const open = await start('open')
  const { token } = (await open.vsmcp('invite', '--uses', '2')) as { token: string }
  const homes: LocalNode[] = []
  for (const host of ['a', 'b']) {
    await vsmcpAt(place(host), dir(host), 'join', token)
    const node = await start(host)
    await node.vsmcp('attach', `blob-${host}`, '--', process.execPath, blobServer)
    homes.push(node)
  }
  const [a, b] = homes
  if (a === undefined || b === undefined) throw new Error('there are two homes')
  return { open, a, b }
}

async function tenMegabytes(from: LocalNode, unit: string): Promise<number> {
  const args = JSON.stringify({ bytes: TEN_MB })
  const { result } = (await from.vsmcp('call', `${unit}__blob`, '--args', args, '--timeout', '60s')) as {
    result: { content: { text: string }[] }
  }
  return result.content[0]?.text.length ?? 0
}

async function allAlive(node: LocalNode): Promise<void> {
  await node.vsmcp('wait', '--members', '3', '--leader', '--timeout', '60s')
  // a node joins under its host's name and tells the name of now a moment after it is up
  const listed = async (): Promise<string[]> =>
    ((await node.vsmcp('members')) as Members[]).map(({ name, state }) => `${name} ${state}`).sort()
  await expect.poll(listed).toEqual(['a alive', 'b alive', 'open alive'])
}

inNetwork(
  'nodes behind two NATs that choose ports by chance are members like all: 10 MB go out of either, and from one to the other, also after their relay was away',
  async () => {
    await using network = await Network.create()
    await twoHomes(network, 'masquerade fully-random')
    const { open, a, b } = await meshAcross(network)
    for (const node of [open, a, b]) await allAlive(node)
    // nobody outside can reach in
    const knock = `require('net').connect(4950,'45.33.0.11').on('connect',()=>process.exit(0)).on('error',()=>process.exit(7));setTimeout(()=>process.exit(7),1000)`
    expect((await network.exec('open', [process.execPath, '-e', knock])).code).toBe(7)
    for (const [from, unit] of [
      [open, 'blob-a'],
      [a, 'blob-b'],
      [b, 'blob-a'],
    ] as const) {
      // members are alive by the word of others before what each offers is here, and the way through the relay stands
      await from.vsmcp('wait', '--tool', `${unit}__blob`, '--timeout', '20s')
      const started = performance.now()
      expect(await tenMegabytes(from, unit)).toBe(TEN_MB)
      console.log(`10 MiB of ${unit} at ${from.ready.name}: ${(performance.now() - started).toFixed(0)} ms`)
    }
    // the member between them is gone for a while
    await open.end('SIGKILL')
    const back = await LocalNode.start(open.dataDir, 'open', LISTEN, open.place)
    onTestFinished(() => back.end('SIGKILL'))
    const backMs = performance.now()
    for (const node of [a, b]) await allAlive(node)
    // alive is what any member hears; calls need the way through the relay, which both look for anew
    await expect.poll(() => tenMegabytes(b, 'blob-a').catch(() => 0), { timeout: 60_000 }).toBe(TEN_MB)
    console.log(`a relayed call went through ${(performance.now() - backMs).toFixed(0)} ms after the relay was back`)
    // who cannot be dialled invites: the newcomer, behind the other NAT, is let in by the member that both can reach
    const { token } = (await a.vsmcp('invite')) as { token: string }
    await vsmcpAt(b.place, `${network.folder}/newcomer`, 'join', token, '--name', 'newcomer')
  },
  120_000,
)

inNetwork(
  'two nodes behind NATs that keep ports find a way through both, and go on without the member between them',
  async () => {
    await using network = await Network.create()
    await twoHomes(network, 'masquerade')
    const { open, a, b } = await meshAcross(network)
    for (const node of [open, a, b]) await allAlive(node)
    const sockets = async (): Promise<string> => network.must('a', 'ss', '-tnH', 'state', 'established')
    await expect.poll(sockets, { timeout: 30_000 }).toContain('45.33.0.12:')
    await open.end('SIGKILL')
    await expect.poll(() => tenMegabytes(a, 'blob-b').catch(() => 0), { timeout: 30_000 }).toBe(TEN_MB)
    await expect.poll(() => tenMegabytes(b, 'blob-a').catch(() => 0), { timeout: 30_000 }).toBe(TEN_MB)
  },
  120_000,
)
