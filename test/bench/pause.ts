import { mkdirSync } from 'node:fs'

import { findCommand } from '../../scripts/lib/debian-packages.ts'
import { Network, whyNoNamespaces } from '../netns/namespaces.ts'
import { type Cluster, type Hosts, MEMBERS } from './failover/cluster.ts'
import { ATTEMPT_TIMEOUT_MS, committedWithout } from './failover/committed.ts'
import { etcdVersion, startEtcdCluster } from './failover/etcd-cluster.ts'
import { startMeshCluster } from './failover/mesh-cluster.ts'
import { atMost, type Bench, type BenchContext, median, ratios, type Subject } from './lib/bench.ts'

const FAULTS = 20
const NAMES = Array.from({ length: MEMBERS }, (_, member) => `m${member}`)
const nameOf = (member: number): string => NAMES[member] ?? ''

/** Ways in which a leader falls silent without a closed connection to tell of it. */
const SILENCES = {
  paused: {
    strike: async (cluster: Cluster, member: number) => void process.kill(cluster.pidOf(member), 'SIGSTOP'),
    lift: async (cluster: Cluster, member: number) => void process.kill(cluster.pidOf(member), 'SIGCONT'),
  },
  'cut off': {
    strike: (_: Cluster, member: number, network: Network) =>
      network.part(
        [nameOf(member)],
        NAMES.filter((name) => name !== nameOf(member)),
      ),
    lift: (_: Cluster, __: number, network: Network) => network.heal(),
  },
} as const

async function measure(name: string, cluster: Cluster, network: Network, context: BenchContext): Promise<Subject> {
  const figures: Record<string, number> = {}
  for (const [silence, { strike, lift }] of Object.entries(SILENCES)) {
    const times: number[] = []
    for (let fault = 0; fault < FAULTS; fault++) {
      const leader = await cluster.settled()
      const struckAt = performance.now()
      await strike(cluster, leader, network)
      try {
        times.push(await committedWithout(cluster, leader, struckAt))
      } finally {
        await lift(cluster, leader, network)
      }
    }
    context.say(`${name}, leader ${silence}: ${times.map((time) => time.toFixed(0)).join(' ')} ms`)
    figures[`${silence}, median ms`] = median(times)
    figures[`${silence}, worst ms`] = Math.max(...times)
  }
  await cluster.settled()
  return { name, figures }
}

/** A cluster whose members are each in a namespace of their own, for as long as it is measured. */
async function inNetwork(
  name: string,
  context: BenchContext,
  start: (folder: string, hosts: Hosts) => Promise<Cluster>,
): Promise<Subject> {
  await using network = await Network.create()
  await network.addLan('lan')
  for (const [member, host] of NAMES.entries()) {
    await network.addHost(host)
    await network.plug(host, 'lan', `10.77.1.${member + 1}/24`)
  }
  const folder = `${network.folder}/data`
  mkdirSync(folder)
  const cluster = await start(folder, {
    addressOf: (member) => network.addressOf(nameOf(member)),
    at: (member) => network.at(nameOf(member)),
  })
  try {
    return await measure(name, cluster, network, context)
  } finally {
    await cluster.stop()
  }
}

export const pauseBench: Bench = {
  name: 'pause',
  title: 'Leader paused (SIGSTOP) or silently cut off (nftables), three members: until an entry is committed under the next',
  async run(context) {
    const why = await whyNoNamespaces((line) => context.say(line))
    if (why !== undefined) throw new Error(`the pause bench needs network namespaces: ${why}`)
    const ours = await inNetwork('vsmcp', context, startMeshCluster)
    const subjects = [ours]
    const etcd = findCommand('etcd')
    const version = etcd === undefined ? '' : await etcdVersion(etcd)
    if (etcd !== undefined) {
      for (const args of [[], ['--pre-vote']]) {
        const name = `etcd ${version}, ${args.length === 0 ? 'its defaults' : args.join(' ')}`
        subjects.push(await inNetwork(name, context, (folder, hosts) => startEtcdCluster(etcd, folder, { args, hosts })))
      }
    }
    return {
      basis: `${FAULTS} of each kind`,
      subjects,
      targets: Object.keys(SILENCES).map((silence) =>
        atMost(`leader ${silence}, median`, ours.figures[`${silence}, median ms`] ?? Number.NaN, 1_500, ' ms'),
      ),
      notes: [
        ...Object.keys(SILENCES).flatMap((silence) => ratios(subjects, `${silence}, median ms`)),
        `Each member runs in a network namespace of its own. Both others are asked from the moment of the fault on, every attempt given ${ATTEMPT_TIMEOUT_MS} ms; the first that succeeds counts. Then the fault is taken back, and all are in step before the next.`,
        'Nothing closes a connection here: that the leader is silent shows by its missing heartbeats alone.',
        etcd === undefined
          ? 'etcd is not on this machine (Debian: etcd-server), so it was not run.'
          : 'etcd: a put over its HTTP gateway.',
      ],
    }
  },
}
