import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeBackup } from '../src/backup/backup-file.ts'
import { backupDirectory } from '../src/backup/make-backup.ts'
import { restoreNode } from '../src/backup/restore-node.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import { recoverMesh } from '../src/recovery/recover-mesh.ts'
import { emptyDirectory, evictionOf, foundMesh, invitation, joinNode, startNode, until } from './support/group.ts'
import { callOf, eventually, founded, joined, started } from './support/nodes.ts'
import { seatsOf } from './support/seats.ts'
import { attach } from './support/servers.ts'

it('a group that its parent does not list any more goes on: it says so, decides, and keeps its members', async () => {
  const home = await foundMesh('a')
  const { desk } = await seatsOf(home)
  const { id } = await desk.create({ path: '/eu' })
  await eventually(() => home.memberships.get(id)?.parts.log.isLeader).toBe(true)
  await home.decisions.decide({ op: 'group:remove', id })
  await eventually(() => desk.problems()).toEqual(['group /eu: the group above does not list it any more; it goes on alone'])
  const { parts } = desk.membership(id)
  await parts.decisions.decide(invitation(home, 'decided-alone'))
  expect(parts.log.state?.invitations.has('decided-alone')).toBe(true)
  expect(desk.view(id)).toMatchObject({ part: 'seat', members: { known: 1 } })
})

it('a group whose founder and parent are gone for good goes on calling, says what it lacks, and decides again once it is recovered', async () => {
  const rootDir = await emptyDirectory()
  const a = await founded('a', rootDir)
  await a.control.createGroup({ path: 'eu' })
  const b = await joined(a, 'b', '/eu')
  const { dataDir } = (await b.control.status()).node
  await b.control.attach(attach('robot', 'legacy-server'))
  await a.control.wait({ tool: 'eu__robot__sum', timeoutMs: 30_000 })
  await a.stop()

  expect(await callOf(b, 'robot__sum', { a: 1, b: 2 })).toContain('"sum":3')
  const problems = async (): Promise<string> => (await b.control.status()).problems.join('\n')
  await eventually(problems).toMatch(/there is no System 5: the group decides nothing, calls go on/)
  await eventually(problems).toMatch(/group \/eu: the group above, \/, cannot be reached since .*; it goes on alone/)
  await b.stop()

  const recovered = await recoverMesh({ dataDir, meshKeyFile: dataDirectory(rootDir).meshKey, force: true })
  expect(recovered).toMatchObject({ done: true, epoch: 2 })
  const again = await started(dataDir)
  await again.control.wait({ leader: true, tool: 'robot__sum', timeoutMs: 30_000 })
  const c = await joined(again, 'c')
  await c.control.wait({ tool: 'robot__sum', timeoutMs: 30_000 })
  expect(await callOf(c, 'robot__sum', { a: 2, b: 2 })).toContain('"sum":4')
  const { group, recursion } = await c.control.status()
  expect([group.path, recursion.above?.reached]).toEqual(['/eu', false])
}, 60_000)

it('a node that begins anew alone keeps out whom a group above had evicted', async () => {
  const home = await foundMesh('a')
  const { desk } = await seatsOf(home)
  const { id } = await desk.create({ path: '/eu' })
  await eventually(() => home.memberships.get(id)?.parts.log.isLeader).toBe(true)
  const [dir, stray] = [await emptyDirectory(), await joinNode(home, 'stray')]
  const { token } = await desk.membership(id).parts.admission.invite({ role: 'member', ttlMs: 60_000, uses: 1 })
  await joinMesh({ dataDir: dir, token, name: 'b' })
  const b = await startNode(dir)
  await until(home, () => home.log.state?.members.has(stray.peer) === true)
  await home.decisions.decide(await evictionOf(home, stray.peer))
  await eventually(() => b.records.keepsOut(stray.peer)).toBe('root')
  // It heard of it as soon as it knew who carries: nobody was refused for that, to be heard in the next period only.
  expect(b.records.recursion.refused.above.size).toBe(0)
  const heard = b.records.recursion.revocations.of(stray.peer)
  expect(heard).toMatchObject([{ peer: stray.peer, group: 'root' }])
  await Promise.all([b.stop(), home.stop(), stray.stop()])

  const again = await startNode(dir)
  expect(again.records.recursion.revocations.of(stray.peer)).toEqual(heard)
  expect(again.records.keepsOut(stray.peer)).toBe('root')
})

it('a node restored alone from the backup of one with seats in several groups tells which it lost; these are removed, and founded anew', async () => {
  const dir = await emptyDirectory()
  const a = await founded('a', dir)
  const { id } = await a.control.createGroup({ path: '/eu' })
  await a.control.createGroup({ path: '/us' })
  await eventually(async () => (await a.control.units()).map(({ name }) => name)).toEqual(['eu', 'us'])
  await a.control.attach(attach('robot', 'legacy-server'))
  await a.stop()
  const file = join(await emptyDirectory(), 'node.vsmcp')
  await writeBackup(file, await backupDirectory(dir, '0.0.0-test'))

  const dataDir = join(await emptyDirectory(), 'new')
  await restoreNode({ dataDir, file, meshKeyFile: dataDirectory(dir).meshKey })
  const again = await started(dataDir)
  await again.control.wait({ leader: true, tool: 'robot__sum', timeoutMs: 30_000 })
  expect(await callOf(again, 'robot__sum', { a: 1, b: 2 })).toContain('"sum":3')
  expect(await again.control.group(id)).toMatchObject({
    path: '/eu',
    part: 'none',
    problem: 'none of its delegates can be reached: calls to it are not sent',
  })
  await expect(callOf(again, 'eu__anything', {})).rejects.toThrow(/no tool/)
  await again.control.removeGroup('/eu')
  expect((await again.control.groups()).map(({ path }) => path)).toEqual(['/', '/us'])
  const anew = await again.control.createGroup({ path: '/eu' })
  expect(anew).toMatchObject({ path: '/eu', part: 'seat' })
  expect(anew.id).not.toBe(id)
  await eventually(async () => (await again.control.units()).map(({ name, state }) => `${name} ${state}`)).toContain('eu ready')
}, 60_000)
