import { type Identity, loadIdentity } from '@vsmcp/security'
import type { JsonValue } from '@vsmcp/state'
import { type GroupRecord, groupRecords } from '@vsmcp/vsm'
import { expect, it } from 'vitest'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { fromDocument, signRecord, toDocument } from '../src/recursion/signed-record.ts'
import { foundMesh, joinNode, type TestNode, until } from './support/group.ts'
import { seatsOf } from './support/seats.ts'

/** The machine may be busy with other things. */
const grace = { timeout: 30_000, interval: 50 }

/** A group below the home group of this node, which is its first member and speaks for it. */
async function below(home: TestNode, path: string): Promise<string> {
  return (await (await seatsOf(home)).desk.create({ path })).id
}

it('a member that forges, replays, swells or doubles records of groups changes nothing, and each try is counted against it', async () => {
  const a = await foundMesh('a')
  const b = await joinNode(a, 'b')
  await until(b, () => b.log.state?.members.size === 2 && b.log.status()?.leader !== undefined)
  const eu = await below(a, 'eu')
  await expect.poll(() => b.records.recursion.child(eu)?.voice, grace).toBe(a.peer)
  const us = await below(b, 'us')
  await expect.poll(() => a.records.recursion.child(us)?.voice, grace).toBe(b.peer)

  const hostile: Identity = await loadIdentity(dataDirectory(b.dir).identity)
  const mesh = b.trust.enrolment.meshId
  const expiresAtMs = Date.now() + 60_000
  const put = (about: string, value: JsonValue): Promise<unknown> => b.state.put('records', about, value, { expiresAtMs })
  const signed = (about: string, bytes: Uint8Array): JsonValue =>
    toDocument(signRecord(hostile, mesh, { about, order: { epoch: 9, term: 9, sequence: 9 }, bytes }))
  const refusals = (): Readonly<Record<string, number>> => a.records.recursion.refused.below.get(b.peer) ?? {}
  const trueWord = a.records.recursion.child(eu)
  if (trueWord === undefined) throw new Error('it was heard')
  const forged: GroupRecord = { ...trueWord, voice: b.peer, term: trueWord.term + 1, members: 1_000 }

  // Of a group that it does not speak for: its own word, and the true one once more.
  await put(eu, signed(eu, groupRecords.encode(forged)))
  await expect.poll(() => refusals()['wrong-sender'], grace).toBe(1)
  const [replayed] = b.state.entries('records', { allWriters: true }).filter(({ key, writer }) => key === eu && writer === a.peer)
  if (replayed === undefined) throw new Error('it was carried')
  expect(fromDocument(replayed.value)?.voice).toBe(a.peer)
  await put(eu, replayed.value)
  await expect.poll(() => refusals()['wrong-sender'], grace).toBe(2)

  // Of the group that it does speak for: nonsense, too much, what cannot be, a signature that is none, two of one order.
  const own = a.records.recursion.child(us)
  if (own === undefined) throw new Error('it was heard')
  const encoded = groupRecords.encode({ ...own, sequence: own.sequence + 1_000 })
  const absurd = Buffer.from(Buffer.from(encoded).toString('utf8').replace('"members":1', '"members":-1'))
  expect(absurd.equals(Buffer.from(encoded))).toBe(false)
  const withFilter = (bits: string): Uint8Array =>
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(encoded).toString('utf8')), tools: `b${bits}` }))
  const tries: [string, JsonValue][] = [
    ['malformed', signed(us, Buffer.from('{"no":"record"}'))],
    ['malformed', signed(us, Buffer.alloc(40_000, 0x20))],
    ['malformed', signed(us, absurd)],
    ['malformed', signed(us, withFilter('A'.repeat(9_000)))],
    ['unsigned', { ...(signed(us, encoded) as Record<string, JsonValue>), signature: 'AAAA' }],
  ]
  for (const [refusal, value] of tries) {
    const before = refusals()[refusal] ?? 0
    await put(us, value)
    await expect.poll(() => refusals()[refusal], grace).toBe(before + 1)
  }
  const later = { ...own, sequence: own.sequence + 2_000 }
  await put(us, signed(us, groupRecords.encode(later)))
  await expect.poll(() => a.records.recursion.child(us)?.sequence, grace).toBe(later.sequence)
  await put(us, signed(us, groupRecords.encode({ ...later, members: 7 })))
  await expect.poll(() => refusals()['contradictory'], grace).toBe(1)

  // What it carries while its credential is over is not heard, nor counted against it; what it carries once that is renewed is.
  const { claims } = b.renewal
  const showing = (iat: number, exp: number): void => a.standing.shown({ ...claims, iat, exp })
  const heard: (number | undefined)[] = []
  a.records.on('heard', () => heard.push(a.records.recursion.child(us)?.sequence))
  showing(claims.iat + 1, claims.iat - 3_600)
  expect(a.standing.serves(b.peer)).toBe(false)
  const [unheard, last] = [3_000, 4_000].map((more) => ({ ...own, sequence: own.sequence + more }))
  if (unheard === undefined || last === undefined) throw new Error('two records')
  const carried = fromDocument(signed(us, groupRecords.encode(unheard)))?.bytes
  const arrived = new Promise<void>((resolve) => {
    a.state.on('changed', () => {
      const [entry] = a.state
        .entries('records', { allWriters: true })
        .filter(({ key, writer }) => key === us && writer === b.peer)
      if (fromDocument(entry?.value ?? null)?.bytes.join() === carried?.join()) resolve()
    })
  })
  await put(us, signed(us, groupRecords.encode(unheard)))
  await arrived
  showing(claims.iat + 2, claims.exp)
  const before = { ...refusals() }
  await put(us, signed(us, groupRecords.encode(last)))
  await expect.poll(() => a.records.recursion.child(us)?.sequence, grace).toBe(last.sequence)
  expect(heard).not.toContain(unheard.sequence)
  expect(refusals()['wrong-sender']).toBe(before['wrong-sender'])

  // A chain that proves nothing gives nobody a voice.
  const voters = a.records.recursion.child(eu)?.voice
  await b.state.put('chains', eu, { chain: Buffer.alloc(600, 7).toString('base64url') })
  await put(eu, signed(eu, groupRecords.encode({ ...forged, term: forged.term + 1 })))
  await expect.poll(() => refusals()['wrong-sender'], grace).toBe(3)
  expect(a.records.recursion.child(eu)).toMatchObject({ voice: voters, members: trueWord.members, term: trueWord.term })
  expect(a.records.recursion.child(us)?.members).toBe(own.members)
})
