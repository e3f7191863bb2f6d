import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger, systemClock } from '@vsmcp/kernel'
import { generateMeshKey, loadIdentity, loadMeshKey, saveMeshKey } from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { describe, expect, it } from 'vitest'
import { readBackup, writeBackup } from '../src/backup/backup-file.ts'
import { backupDirectory } from '../src/backup/make-backup.ts'
import { restoreNode } from '../src/backup/restore-node.ts'
import { newOperatorKey } from '../src/charter/operator-signer.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { exportMeshKey, holdsMeshKey, removeMeshKey } from '../src/keys/mesh-key-file.ts'
import { UnitSpecs } from '../src/system1/unit-specs.ts'
import {
  emptyDirectory,
  evictionOf,
  foundMesh,
  invitation,
  joinNode,
  startNode,
  type TestNode,
  tokenOf,
  until,
} from './support/group.ts'
import { deskOf, operatorOf, why } from './support/operator.ts'
import { attach } from './support/servers.ts'

const SECRET = 'the-secret-of-this-unit'

async function withUnit(node: TestNode, name: string): Promise<void> {
  const request = attach(name, 'legacy-server')
  const { source } = request
  await node.units.attach(source.kind === 'stdio' ? { ...request, source: { ...source, env: { TOKEN: SECRET } } } : request)
}

async function backedUp(dir: string): Promise<string> {
  const file = join(await emptyDirectory(), 'node.vsmcp')
  await writeBackup(file, await backupDirectory(dir, '0.0.0-test'))
  return file
}

async function specsIn(dir: string): Promise<string[]> {
  const store = await openStore({ dir })({ clock: systemClock, logger: silentLogger })
  try {
    return (await new UnitSpecs(store.kv('units')).all(() => {})).map(({ name }) => name)
  } finally {
    await store.stop()
  }
}

describe('a backup', () => {
  it('holds units with their secrets, for its owner only, and neither key nor vote nor log', async () => {
    const a = await foundMesh()
    await withUnit(a, 'files')
    await a.stop()
    await writeFile(dataDirectory(a.dir).config, 'name: plant-7\n')
    const file = await backedUp(a.dir)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const text = await readFile(file, 'utf8')
    expect(text).toContain(SECRET)
    const raw = await readFile(dataDirectory(a.dir).identity)
    for (const form of ['base64', 'base64url', 'hex'] as const) expect(text).not.toContain(raw.toString(form).slice(8, -8))
    const backup = await readBackup(file)
    expect(Object.keys(backup).toSorted()).toEqual([
      'chain',
      'config',
      'group',
      'madeAt',
      'mesh',
      'node',
      'peers',
      'units',
      'version',
    ])
    expect(backup).toMatchObject({ config: 'name: plant-7\n', node: { peerId: a.peer }, units: [{ name: 'files' }] })
    await expect(writeBackup(file, 'x')).rejects.toMatchObject({ code: 'VSMCP_NODE_BACKUP_EXISTS' })
  })

  it('that is cut short or changed is refused', async () => {
    const a = await foundMesh()
    await a.stop()
    const file = await backedUp(a.dir)
    const text = await readFile(file, 'utf8')
    for (const bad of [
      '',
      '{}',
      text.slice(0, -20),
      text.replace('madeAt', 'madeAT'),
      text.replace('0.0.0-test', '0.0.1-test'),
      text.replace('"format":1', '"format":2'),
    ]) {
      const other = join(await emptyDirectory(), 'bad')
      await writeFile(other, bad)
      await expect(readBackup(other)).rejects.toMatchObject({ code: 'VSMCP_NODE_BACKUP_UNREADABLE' })
    }
  })

  it('can be made of a copy, which cannot be run', async () => {
    const a = await foundMesh()
    await withUnit(a, 'files')
    await a.stop()
    const copy = join(await emptyDirectory(), 'copy')
    await cp(a.dir, copy, { recursive: true, preserveTimestamps: true })
    await expect(startNode(copy)).rejects.toMatchObject({ code: 'VSMCP_STORE_COPIED' })
    expect((await readBackup(await backedUp(copy))).units).toHaveLength(1)
  })
})

describe('restoring', () => {
  it('with a token makes a new node of the mesh; the units come back once the names are free', async () => {
    const a = await foundMesh()
    const b = await joinNode(a, 'b')
    await withUnit(b, 'files')
    await b.stop()
    const file = await backedUp(b.dir)
    const dataDir = join(await emptyDirectory(), 'new')
    const token = await tokenOf(a)
    const restored = await restoreNode({ dataDir, file, token })
    expect(restored).toMatchObject({ formerPeerId: b.peer, name: 'b', units: ['files'], epoch: null })
    expect(restored.peerId).not.toBe(b.peer)
    await expect(restoreNode({ dataDir, file, token })).rejects.toMatchObject({ code: 'VSMCP_NODE_ALREADY_ENROLLED' })

    const back = await startNode(dataDir)
    await until(back, () => back.log.state?.members.has(back.peer) === true)
    expect(back.log.state?.units.get('files')?.peer).toBe(b.peer)
    await a.decisions.decide(await evictionOf(a, b.peer))
    await until(back, () => back.log.state?.units.get('files')?.peer === back.peer)
  })

  it('cut off before it joined, it does it all again, and what another backup left is gone', async () => {
    const a = await foundMesh()
    const b = await joinNode(a, 'b')
    await withUnit(b, 'files')
    await b.stop()
    const file = await backedUp(b.dir)
    const dataDir = join(await emptyDirectory(), 'new')
    await mkdir(dataDir)
    const dead = (await tokenOf(a)).replace(/.$/, '')
    await expect(restoreNode({ dataDir, file, token: dead })).rejects.toThrow()
    const store = await openStore({ dir: dataDir })({ clock: systemClock, logger: silentLogger })
    const [spec] = (await readBackup(file)).units
    if (spec === undefined) throw new Error('no unit')
    await new UnitSpecs(store.kv('units')).put({ ...spec, name: 'stale' })
    await store.stop()
    await restoreNode({ dataDir, file, token: await tokenOf(a) })
    expect(await specsIn(dataDir)).toEqual(['files'])
  })

  it('with the mesh key starts the next epoch from the charter and docket in the backup, with the units in its own name', async () => {
    const a = await foundMesh()
    await withUnit(a, 'files')
    await a.decisions.decide(invitation(a, 'kept'))
    await a.stop()
    const file = await backedUp(a.dir)
    const dataDir = join(await emptyDirectory(), 'new')
    const meshKeyFile = dataDirectory(a.dir).meshKey
    const restored = await restoreNode({ dataDir, file, meshKeyFile })
    expect(restored).toMatchObject({ epoch: 2, formerPeerId: a.peer })
    const back = await startNode(dataDir)
    await until(back, () => back.log.isLeader)
    expect(back.log.state?.invitations.has('kept')).toBe(true)
    expect(back.log.state?.members.keys()).toEqual([restored.peerId])
    expect(back.log.state?.units.get('files')?.peer).toBe(restored.peerId)
    const other = await joinNode(back, 'c')
    await until(other, () => other.trust.chain.epoch === 2 && other.log.state?.members.size === 2)
  })

  it("with a recovery key that the charter in it names does the same, with another operator's key it does not", async () => {
    const a = await foundMesh()
    const folder = await emptyDirectory()
    const [recoveryKeyFile, other] = [join(folder, 'rita.key'), join(folder, 'olga.key')]
    const [publicKey, otherKey] = [await newOperatorKey(recoveryKeyFile), await newOperatorKey(other)]
    const operator = await operatorOf(a)
    const named = { name: 'rita', publicKey, recovery: true, expects: 1 }
    await deskOf(a).change(operator.sign({ op: 'operator:add', ...named, ...why } as const))
    await deskOf(a).change(operator.sign({ op: 'operator:add', name: 'olga', publicKey: otherKey, expects: 2, ...why } as const))
    await until(a, () => a.trust.chain.recoverers.length === 1)
    await a.stop()
    const file = await backedUp(a.dir)
    const dataDir = join(await emptyDirectory(), 'new')
    await expect(restoreNode({ dataDir, file, recoveryKeyFile: other })).rejects.toMatchObject({
      code: 'VSMCP_SECURITY_RECOVERY_KEY_FOREIGN',
    })
    expect(await restoreNode({ dataDir, file, recoveryKeyFile })).toMatchObject({ epoch: 2, formerPeerId: a.peer })
    const back = await startNode(dataDir)
    await until(back, () => back.log.isLeader && back.trust.chain.epoch === 2)
    expect(back.trust.chain.recoverers).toEqual([publicKey])
  })

  it('is refused with the key or the token of another mesh, and without either', async () => {
    const [a, foreign] = [await foundMesh(), await foundMesh('x')]
    await a.stop()
    const file = await backedUp(a.dir)
    const dataDir = join(await emptyDirectory(), 'new')
    await expect(restoreNode({ dataDir, file, token: await tokenOf(foreign) })).rejects.toMatchObject({
      code: 'VSMCP_INVALID_ARGUMENT',
    })
    await expect(restoreNode({ dataDir, file, meshKeyFile: dataDirectory(foreign.dir).meshKey })).rejects.toMatchObject({
      code: 'VSMCP_SECURITY_RECOVERY_KEY_FOREIGN',
    })
    await expect(restoreNode({ dataDir, file })).rejects.toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    await expect(startNode(dataDir)).rejects.toThrow()
  })
})

describe('the mesh key', () => {
  it('goes offline only once the exported file was read and holds it', async () => {
    const a = await foundMesh()
    await a.stop()
    const folder = await emptyDirectory()
    const file = join(folder, 'mesh.key')
    await expect(removeMeshKey(a.dir)).rejects.toMatchObject({ code: 'VSMCP_NODE_MESH_KEY_NOT_EXPORTED' })
    const key = await loadMeshKey(dataDirectory(a.dir).meshKey)
    expect(await exportMeshKey(a.dir, file)).toEqual({ meshId: key.meshId, file })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await exportMeshKey(a.dir, file)

    const exported = await readFile(file)
    await writeFile(file, exported.subarray(0, 40))
    await expect(removeMeshKey(a.dir)).rejects.toMatchObject({ code: 'VSMCP_SECURITY_KEY_MALFORMED' })
    const another = join(folder, 'another.key')
    await saveMeshKey(another, generateMeshKey())
    await expect(removeMeshKey(a.dir, another)).rejects.toMatchObject({ code: 'VSMCP_NODE_MESH_KEY_NOT_EXPORTED' })
    await expect(exportMeshKey(a.dir, another)).rejects.toMatchObject({ code: 'VSMCP_SECURITY_KEY_EXISTS' })
    expect(await holdsMeshKey(a.dir)).toBe(true)

    await writeFile(file, exported)
    await removeMeshKey(a.dir)
    expect(await holdsMeshKey(a.dir)).toBe(false)
    await expect(removeMeshKey(a.dir)).rejects.toMatchObject({ code: 'VSMCP_SECURITY_KEY_MISSING' })
    expect((await loadIdentity(dataDirectory(a.dir).identity)).peerId).toBe(a.peer)
    expect((await loadMeshKey(file)).meshId).toBe(key.meshId)
  })
})
