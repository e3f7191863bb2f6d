import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { describe, expect, it, onTestFinished } from 'vitest'

import { canonicalBytes, decodeGroupState, encodeGroupState, type Entry } from '../../packages/consensus/src/index.ts'
import { silentLogger, systemClock } from '../../packages/kernel/src/index.ts'
import { createNode } from '../../packages/node/src/index.ts'
import { requireEnrolment } from '../../packages/node/src/enrol/enrolment.ts'
import { orThrow, verifyCredential, verifyPassport } from '../../packages/security/src/index.ts'
import { openStore } from '../../packages/store/src/index.ts'
import { unpackInto } from './record/kept-directory.ts'
import { authorityOf, type KeptLog, replayed } from './record/log-samples.ts'
import { bytesOf, meaningOf, type Sample } from './record/means.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const recordings = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'record')
  .map(({ name }) => name)

const SAMPLES = ['hello', 'rpc', 'control', 'join', 'trust', 'shared-state'] as const

interface Facts {
  meshId: string
  recordedAtMs: number
}

/** Older releases are read for ever: what a test here says is wrong is wrong in the code, never in the recording. */
describe.each(recordings)('what %s wrote', (version) => {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(here, version, name), 'utf8'))
  const facts = read('facts.json') as Facts

  it.each(SAMPLES)('means the same to this version: %s', (name) => {
    const samples = read(`${name}.json`) as Sample[]
    expect(samples.length).toBeGreaterThan(0)
    for (const sample of samples) {
      // Fields that this version adds are no contradiction.
      expect({ sample: sample.name, means: meaningOf(sample.kind, bytesOf(sample)) }).toMatchObject({
        sample: sample.name,
        means: sample.means,
      })
    }
  })

  it('proves its member to whoever knows the mesh id alone, and not when a byte of it is another', async () => {
    const sample = (read('trust.json') as Sample[]).find(({ kind }) => kind === 'passport')
    if (sample === undefined) throw new Error('no passport was recorded')
    const { sub } = subjectOf(sample)
    const check = { meshId: facts.meshId, nowMs: facts.recordedAtMs, revocations: [] }
    const { chain, claims, passport } = orThrow(await verifyPassport(sub, bytesOf(sample), check))
    expect(claims.sub).toBe(sub)
    const again = { credential: passport.credential, chain, revocations: [], nowMs: facts.recordedAtMs }
    expect((await verifyCredential(again)).ok).toBe(true)
    const forged = { ...passport.credential, payload: passport.credential.payload.replace(/..$/, 'AA') }
    expect((await verifyCredential({ ...again, credential: forged })).ok).toBe(false)
    const late = facts.recordedAtMs + 100 * 86_400_000
    expect(await verifyCredential({ ...again, nowMs: late })).toMatchObject({
      error: { code: 'VSMCP_SECURITY_CREDENTIAL_EXPIRED' },
    })
  })

  it('is decided alike when its log is applied again, and certifies the same charters', () => {
    const { from, lines, to } = read('log.json') as KeptLog
    const start = decodeGroupState(bytesOf({ bytes: from }))
    const entries = lines.map(({ index, term, type, data }): Entry => ({ index, term, type, data: bytesOf({ bytes: data }) }))
    const { lines: now, state } = replayed(start, entries, authorityOf(chainIn(read('trust.json') as Sample[])))
    expect(now.map(({ index, outcome }) => [index, outcome])).toEqual(lines.map(({ index, outcome }) => [index, outcome]))
    // What this version keeps besides is no contradiction.
    expect(JSON.parse(Buffer.from(encodeGroupState(state)).toString('utf8'))).toMatchObject(
      JSON.parse(Buffer.from(to, 'base64').toString('utf8')) as object,
    )
    // Voters of both versions sign the digest of these bytes: one byte more, and none of their certificates would come about.
    const { charter } = JSON.parse(Buffer.from(to, 'base64').toString('utf8')) as { charter: object }
    expect(Buffer.from(canonicalBytes(state.charter)).toString('utf8')).toBe(
      Buffer.from(canonicalBytes(charter)).toString('utf8'),
    )
  })

  it('is a data directory that this version opens, and runs as the node it was', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'vsmcp-history-'))
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 }))
    await unpackInto(dataDir, readFileSync(join(here, version, 'data-directory.json.gz')))
    const enrolment = await requireEnrolment(dataDir)
    expect(enrolment).toMatchObject({ meshId: facts.meshId, meshName: 'recorded', name: 'a', left: false })
    const store = await openStore({ dir: dataDir, create: false })({ clock: systemClock, logger: silentLogger })
    const stored = await store.raft.load()
    await store.stop()
    const { lines } = read('log.json') as KeptLog
    expect(stored?.entries.slice(-lines.length).map(({ index, term, type }) => ({ index, term, type }))).toEqual(
      lines.map(({ index, term, type }) => ({ index, term, type })),
    )
    const node = createNode({
      dataDir,
      profile: 'mesh',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      advertise: [],
      http: { host: '127.0.0.1', port: 0 },
      logLevel: 'error',
      logToStderr: 'off',
      version: '0.0.0-test',
      socketPath: join(dataDir, 'control.sock'),
    })
    await node.start()
    onTestFinished(() => node.stop())
    const status = await node.control.status()
    expect(status.mesh).toEqual({ id: facts.meshId, name: 'recorded' })
    expect(status.system5.voters).toHaveLength(3)
    const members = await node.control.members()
    expect(members.map(({ name }) => name).toSorted()).toEqual(['a', 'b', 'c', 'f'])
    await expect
      .poll(async () => (await node.control.tools()).map(({ qualifiedName }) => qualifiedName))
      .toContain('lathe__weigh')
  })
})

function chainIn(samples: readonly Sample[]): string {
  const chain = samples.find(({ kind }) => kind === 'chain')
  if (chain === undefined) throw new Error('no chain was recorded')
  return chain.bytes
}

function subjectOf({ means }: Sample): { sub: string } {
  const { credential } = means as unknown as { credential: { payload: string } }
  return JSON.parse(Buffer.from(credential.payload, 'base64url').toString('utf8')) as { sub: string }
}
