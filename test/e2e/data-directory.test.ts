import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it, onTestFinished } from 'vitest'

import { eventually, everything, failure, folder, LocalNode, memory, meshOf, nth, statusOf, vsmcp } from './lib/world.ts'

describe('the data directory', () => {
  it('serves one process: the second refuses and names the first, which goes on', async () => {
    const { nodes } = await meshOf('a')
    const a = nth(nodes, 0)
    const { error } = await failure(a.dataDir, 'up', '--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0')
    expect(error.message).toContain(String(a.pid))
    expect((await statusOf(a)).health).not.toBe('failing')
  }, 60_000)

  it('of a newer format is refused and left as it is', async () => {
    const dir = folder()
    await vsmcp(dir, 'init')
    const format = readFileSync(join(dir, 'format'), 'utf8')
    const newer = format.replace(/\d+/, '999')
    expect(newer).not.toBe(format)
    writeFileSync(join(dir, 'format'), newer)
    const { error } = await failure(dir, 'up', '--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0')
    expect(error.code).toBe('VSMCP_STORE_FORMAT_NEWER')
    expect(readFileSync(join(dir, 'format'), 'utf8')).toBe(newer)
  }, 60_000)

  it('has the same identity and all that was acknowledged after kill -9 at any moment', async () => {
    const { nodes } = await meshOf('a')
    let a = nth(nodes, 0)
    const acknowledged: string[] = []
    for (let life = 0; life < 6; life++) {
      // Kills while commands are under way: at another point of their course in each life.
      const work = (async () => {
        for (let i = 0; i < 20; i++) {
          const { id } = (await a.vsmcp('invite')) as { id: string }
          acknowledged.push(id)
        }
      })().catch(() => {})
      const goal = acknowledged.length + 1 + (life % 3)
      await eventually('some invitations', async () => (acknowledged.length >= goal ? true : undefined))
      await a.end('SIGKILL')
      await work
      const again = await LocalNode.start(a.dataDir, 'a')
      nodes[0] = again
      expect(again.ready.peerId).toBe(a.ready.peerId)
      a = again
      const present = (await a.vsmcp('invite', 'ls')) as { id: string }[]
      expect(present.map(({ id }) => id)).toEqual(expect.arrayContaining(acknowledged))
    }
  }, 120_000)

  it('keeps units over a kill -9, and no server outlives its node', async () => {
    const { nodes } = await meshOf('a')
    const a = nth(nodes, 0)
    await a.vsmcp('attach', 'memory', '--', ...memory)
    await a.vsmcp('attach', 'everything', '--', 'sh', '-c', `"$0" "$@"`, ...everything)
    const servers = childrenIn(a.dataDir, a.pid)
    expect(servers.length).toBeGreaterThanOrEqual(2)
    await a.end('SIGKILL')
    await eventually('all servers gone', async () => (servers.every((pid) => !isAlive(pid)) ? true : undefined))
    const again = await LocalNode.start(a.dataDir, 'a')
    nodes[0] = again
    await again.vsmcp('wait', '--tool', 'read_graph', '--timeout', '20s')
    await again.vsmcp('wait', '--tool', 'echo', '--timeout', '20s')
  }, 90_000)

  const root = process.getuid?.() === 0
  it.skipIf(!root)(
    'on a full disk: the node stays up and says so, nothing is lost, and it recovers by itself',
    async () => {
      const dir = folder()
      const disk = join(dir, 'disk')
      mkdirSync(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk])
      onTestFinished(() => void execFileSync('umount', ['-l', disk]))
      const dataDir = join(disk, 'data')
      await vsmcp(dataDir, 'init')
      const node = await LocalNode.start(dataDir, 'a')
      onTestFinished(() => node.end('SIGTERM'))
      const { id } = (await node.vsmcp('invite')) as { id: string }
      fill(join(disk, 'ballast'))
      await eventually('a refused decision', async () => ((await refuses(node)) ? true : undefined))
      await expect.poll(async () => (await statusOf(node)).problems.join(' ')).toMatch(/disk/i)
      execFileSync('rm', [join(disk, 'ballast')])
      const next = await eventually(
        'a decision again',
        async () => node.vsmcp('invite').catch(() => undefined) as Promise<{ id: string } | undefined>,
      )
      const present = (await node.vsmcp('invite', 'ls')) as { id: string }[]
      expect(present.map((invitation) => invitation.id)).toEqual(expect.arrayContaining([id, next.id]))
    },
    120_000,
  )
})

async function refuses(node: LocalNode): Promise<boolean> {
  try {
    await node.vsmcp('invite')
    return false
  } catch {
    return true
  }
}

function fill(file: string): void {
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=64k'], { stdio: 'ignore' })
  } catch {
    // dd ends with an error when the disk is full: that is what it is for.
  }
}

/** Processes below a node, guardian included, read from /proc. */
function childrenIn(_dataDir: string, node: number): number[] {
  const text = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
  const parents = new Map(
    text
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]),
  )
  const below = (pid: number | undefined): boolean => pid !== undefined && pid > 1 && (pid === node || below(parents.get(pid)))
  return [...parents.keys()].filter((pid) => pid !== node && below(pid))
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
