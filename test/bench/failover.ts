import { mkdirSync } from 'node:fs'

import { findCommand } from '../../scripts/lib/debian-packages.ts'
import type { Cluster } from './failover/cluster.ts'
import { ATTEMPT_TIMEOUT_MS, committedWithout } from './failover/committed.ts'
import { etcdVersion, startEtcdCluster } from './failover/etcd-cluster.ts'
import { startMeshCluster } from './failover/mesh-cluster.ts'
import { atMost, type Bench, type BenchContext, median, ratios, type Subject } from './lib/bench.ts'

const KILLS = 50

async function measure(name: string, cluster: Cluster, context: BenchContext): Promise<Subject> {
  const times: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const leader = await cluster.settled()
    const killedAt = performance.now()
    process.kill(cluster.pidOf(leader), 'SIGKILL')
    times.push(await committedWithout(cluster, leader, killedAt))
    await cluster.revive(leader)
  }
  await cluster.settled()
  context.say(`${name}: ${times.map((time) => time.toFixed(0)).join(' ')} ms`)
  return { name, figures: { 'median ms': median(times), 'best ms': Math.min(...times), 'worst ms': Math.max(...times) } }
}

export const failoverBench: Bench = {
  name: 'failover',
  title: 'Leader killed with SIGKILL, three members: until an entry is committed under the next',
  async run(context) {
    const subjects: Subject[] = []
    const run = async (name: string, start: (folder: string) => Promise<Cluster>): Promise<Subject> => {
      const folder = `${context.folder}/${name.replaceAll(/\W+/g, '-')}`
      mkdirSync(folder)
      const cluster = await start(folder)
      try {
        const subject = await measure(name, cluster, context)
        subjects.push(subject)
        return subject
      } finally {
        await cluster.stop()
      }
    }
    const ours = await run('vsmcp', startMeshCluster)
    const etcd = findCommand('etcd')
    const version = etcd === undefined ? '' : await etcdVersion(etcd)
    if (etcd !== undefined) {
      await run(`etcd ${version}, its defaults`, (folder) => startEtcdCluster(etcd, folder))
      await run(`etcd ${version}, --pre-vote`, (folder) => startEtcdCluster(etcd, folder, { args: ['--pre-vote'] }))
    }
    return {
      basis: `${KILLS} kills each`,
      subjects,
      targets: [
        atMost(`median over ${KILLS} kills`, ours.figures['median ms'] ?? Number.NaN, 250, ' ms'),
        atMost(`worst of ${KILLS} kills`, ours.figures['worst ms'] ?? Number.NaN, 1_000, ' ms'),
      ],
      notes: [
        ...ratios(subjects, 'median ms'),
        `Both survivors are asked from the moment of the kill on, every attempt given ${ATTEMPT_TIMEOUT_MS} ms; the first that succeeds counts.`,
        'Ours: an entry is an invitation, asked for over the control socket and answered once committed. The killed node is started again and back in step before the next kill.',
        etcd === undefined
          ? 'etcd is not on this machine (Debian: etcd-server), so it was not run.'
          : 'etcd: a put over its HTTP gateway.',
      ],
    }
  },
}
