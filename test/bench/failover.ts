import { mkdirSync } from 'node:fs'

import { type Cluster, MEMBERS } from './failover/cluster.ts'
import { etcdVersion, findEtcd, startEtcdCluster } from './failover/etcd-cluster.ts'
import { startMeshCluster } from './failover/mesh-cluster.ts'
import { atMost, type Bench, type BenchContext, median, type Subject } from './lib/bench.ts'

const KILLS = 20
/** One attempt at a write; a survivor that has no leader yet may keep it waiting. */
const ATTEMPT_TIMEOUT_MS = 200
/** Between attempts that were refused at once. */
const PAUSE_MS = 5
const GIVE_UP_MS = 20_000

/** Asks one survivor until an entry is committed. @returns how long that took */
async function committedAfter(cluster: Cluster, member: number, killedAt: number, done: AbortSignal): Promise<number> {
  while (!done.aborted) {
    try {
      await cluster.write(member, ATTEMPT_TIMEOUT_MS)
      return performance.now() - killedAt
    } catch (error) {
      if (performance.now() - killedAt > GIVE_UP_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
  return Number.POSITIVE_INFINITY
}

async function measure(name: string, cluster: Cluster, context: BenchContext): Promise<Subject> {
  const times: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const leader = await cluster.settled()
    const survivors = Array.from({ length: MEMBERS }, (_, member) => member).filter((member) => member !== leader)
    const done = new AbortController()
    const killedAt = performance.now()
    cluster.kill(leader)
    const all = survivors.map((member) => committedAfter(cluster, member, killedAt, done.signal))
    const first = await Promise.race(all)
    done.abort()
    await Promise.allSettled(all)
    times.push(first)
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
    const etcd = findEtcd()
    const version = etcd === undefined ? '' : await etcdVersion(etcd)
    if (etcd !== undefined) await run(`etcd ${version}, its defaults`, (folder) => startEtcdCluster(etcd, folder))
    return {
      basis: `${KILLS} kills each`,
      subjects,
      targets: [atMost('median over 20 kills', ours.figures['median ms'] ?? Number.NaN, 300, ' ms')],
      notes: [
        `Both survivors are asked from the moment of the kill on, every attempt given ${ATTEMPT_TIMEOUT_MS} ms; the first that succeeds counts.`,
        'Ours: an entry is an invitation, asked for over the control socket and answered once committed. The killed node is started again and back in step before the next kill.',
        etcd === undefined
          ? 'etcd is not on this machine (Debian: etcd-server), so it was not run.'
          : 'etcd: a put over its HTTP gateway.',
      ],
    }
  },
}
