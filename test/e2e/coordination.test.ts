import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

import { eventually, failure, type LocalNode, meshOf, nth, statusOf } from './lib/world.ts'

const SERVER = fileURLToPath(new URL('lib/journal-server.ts', import.meta.url))

interface Entry {
  event: 'begun' | 'ended'
  label: string
  claims?: Record<string, { epoch: number; token: number }>
  atMs: number
}

function journalOf(file: string): Entry[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry)
}

const begunIn = (file: string): Entry[] => journalOf(file).filter(({ event }) => event === 'begun')

/** Three voters, who leads first. */
async function votersOf(): Promise<{ leader: LocalNode; others: readonly [LocalNode, LocalNode]; dir: string }> {
  const { nodes, dir } = await meshOf('a', 'b', 'c')
  const leaderId = await eventually('three voters', async () => {
    const { system5 } = await statusOf(nth(nodes, 1))
    return system5.voters.length === 3 && system5.leader !== null ? system5.leader : undefined
  })
  const leader = nodes.find(({ ready }) => ready.peerId === leaderId) ?? nth(nodes, 0)
  const [one, other] = nodes.filter((node) => node !== leader)
  if (one === undefined || other === undefined) throw new Error('three nodes were started')
  return { leader, others: [one, other], dir }
}

interface Shown {
  name: string
  running: { due: string } | null
  recent: { due: string; outcome: string; attempt: number | null }[]
}

/** An occurrence is begun once though System 5 is killed at the moment it is due, and they go on under the next. */
async function schedulesGoOn(): Promise<void> {
  const { leader, others, dir } = await votersOf()
  const [host, witness] = others
  const journal = `${dir}/journal`
  await host.vsmcp('attach', 'job', '--', process.execPath, SERVER, journal)
  await witness.vsmcp('wait', '--tool', 'job__note')
  await witness.vsmcp('schedule', 'add', 'often', '--cron', '*/5 * * * * *', '--tool', 'job__note', '--args', '{"label":"x"}')
  await eventually('a first run', async () => (begunIn(journal).length > 0 ? true : undefined), 40_000)
  // What is due is decided within half a second of it: so the new leader finds it undecided, decided, or taken.
  await sleep(5_000 - (Date.now() % 5_000) + 150)
  await leader.end('SIGKILL')
  const before = begunIn(journal).length
  await eventually('runs under the next System 5', async () => (begunIn(journal).length >= before + 2 ? true : undefined), 60_000)
  const shown = ((await witness.vsmcp('schedule', 'ls')) as Shown[]).find(({ name }) => name === 'often')
  if (shown === undefined) throw new Error('it is still scheduled')
  const ran = shown.recent.filter(({ outcome }) => outcome !== 'skipped')
  const dues = [...ran.map(({ due }) => due), ...(shown.running === null ? [] : [shown.running.due])]
  // Of each occurrence one end at most, and no more was begun than was decided; one may be due while this is looked at.
  expect(new Set(dues).size).toBe(dues.length)
  const begun = begunIn(journal)
  expect(begun.length).toBeLessThanOrEqual(dues.length + 1)
  expect(begun.length).toBeGreaterThanOrEqual(ran.filter(({ outcome }) => outcome === 'done').length)
  const slots = begun.map(({ atMs }) => Math.floor(atMs / 5_000))
  expect(new Set(slots).size).toBe(slots.length)
}

/** A claim goes to who waits when its holder hangs, and what that one calls when it comes back is refused. */
async function claimsMove(): Promise<void> {
  const { others, dir } = await votersOf()
  const [holder, waiter] = others
  const files = { holder: `${dir}/holder`, waiter: `${dir}/waiter` }
  const attach = (node: LocalNode, name: 'holder' | 'waiter'): Promise<unknown> =>
    node.vsmcp('attach', name, '--claims', 'arm', '--', process.execPath, SERVER, files[name])
  await attach(holder, 'holder')
  await attach(waiter, 'waiter')
  const args = (label: string, ms: number): string[] => ['--args', JSON.stringify({ label, ms })]
  await holder.vsmcp('call', 'holder__note', ...args('first', 0))
  process.kill(holder.pid, 'SIGSTOP')
  onTestFinished(() => void process.kill(holder.pid, 'SIGCONT'))
  // The voters see it hang, call the claim back, and take it away when its holder has surely stopped by its own clock.
  const moved = waiter.vsmcp('call', 'waiter__note', '--timeout', '100s', ...args('moved', 6_000))
  await eventually('the claim to move', async () => (begunIn(files.waiter).length > 0 ? true : undefined), 90_000)
  process.kill(holder.pid, 'SIGCONT')
  const { error } = await failure(holder.dataDir, 'call', 'holder__note', '--timeout', '3s', ...args('late', 0))
  expect(error.code).toBe('VSMCP_NOT_SENT')
  await moved
  await holder.vsmcp('call', 'holder__note', '--timeout', '60s', ...args('again', 0))
  const [first, again] = begunIn(files.holder)
  expect(begunIn(files.holder).map(({ label }) => label)).toEqual(['first', 'again'])
  const tokens = [first, begunIn(files.waiter)[0], again].map((entry) => entry?.claims?.['arm']?.token ?? 0)
  expect(tokens).toEqual(tokens.toSorted((x, y) => x - y))
  expect(new Set(tokens).size).toBe(3)
}

// Most of both is waiting, so they wait together.
it('begins each occurrence once though System 5 is killed as it is due, and moves a claim whose holder hangs, which is refused when it comes back', async () => {
  await Promise.all([schedulesGoOn(), claimsMove()])
}, 240_000)
