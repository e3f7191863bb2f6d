import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type LocalNode, vsmcp } from '../../scripts/lib/local-mesh.ts'
import type { Mesh } from '../../packages/mesh/src/index.ts'
import { readDecided } from '../../packages/node/src/system5/answers.ts'
import { pack } from '../../packages/mesh/test/support/raw.ts'
import { credentialPayload, generateIdentity } from '../../packages/security/src/index.ts'
import { encodeGossip, encodeSync } from '../../packages/state/src/wire.ts'
import { VandalDocument } from '../../packages/state/test/support/vandal-document.ts'
import { encodeMessage, topicsOf } from '../../packages/vsm/src/index.ts'
import { nth, type Status, statusOf } from '../e2e/lib/world.ts'
import { type Besieged, besieged, memberIsServed } from './lib/besieged.ts'
import { endHostiles, papersIn, type Papers, passportOf, showing } from './lib/hostile.ts'
import { expectPicture, pictureOf } from './lib/picture.ts'

/*
 * A member gone bad: it joined by a real invitation, and speaks every protocol as it likes, to a mesh of three real node
 * processes. What it may do by right stands in docs/security.md; here is what it may not.
 */

const OPTIONS = { deadlineMs: 5_000 }

let siege: Besieged
let dir: string
let nodes: readonly LocalNode[]
let target: LocalNode
let papers: Papers
let mallory: Mesh
let before: unknown

beforeAll(async () => {
  siege = await besieged()
  ;({ dir, nodes, target } = siege)
  const { token } = (await target.vsmcp('invite', '--uses', '1')) as { token: string }
  await vsmcp(`${dir}/mallory`, 'join', token, '--name', 'mallory')
  papers = await papersIn(`${dir}/mallory`)
  mallory = await showing(papers.identity, () => passportOf(papers))
  for (const node of nodes) await mallory.dial(node.ready.listen, { expect: node.ready.peerId })
  await target.vsmcp('wait', '--members', '4', '--timeout', '20s')
  before = await pictureOf(target)
}, 60_000)

afterAll(() => siege.end())
afterAll(endHostiles)

/** The mesh looks as before, on whichever node, and still decides. */
async function nothingChanged(): Promise<void> {
  const { id } = (await target.vsmcp('invite')) as { id: string }
  await target.vsmcp('invite', 'revoke', id)
  await expectPicture(target, before, (picture) => ({ ...(picture as object), invitations: undefined }))
}

/** The same request to each node: refused by all, with a code. */
async function refusedByAll(method: string, payload: Uint8Array): Promise<string[]> {
  return Promise.all(
    nodes.map(async ({ ready }) => {
      const outcome = await mallory.control.call(ready.peerId, method, payload, OPTIONS).then(
        (answer) => {
          // System 5 answers with its decision, which may be a refusal
          const [decided] = readDecided(answer)
          return decided.ok ? 'decided' : `VSMCP_REFUSED ${decided.code}`
        },
        ({ code = 'without a code' }: { code?: string }) => code,
      )
      expect(outcome, method).toMatch(/^VSMCP_/)
      return outcome
    }),
  )
}

describe('consensus messages of a member that leads nothing', () => {
  const HIGH = [2 ** 31, 2 ** 52, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 63, -1, 0.5, Number.NaN]
  const entry = (term: number, index: number) => ({
    term,
    index,
    type: 'normal',
    data: Buffer.from(
      JSON.stringify({ op: 'member:remove', author: papers.identity.peerId, atMs: 1, peer: target.ready.peerId }),
    ),
  })
  const messages = (term: number, index: number): object[] => [
    { type: 'preVote', term, lastIndex: index, lastTerm: term },
    { type: 'preVoteAnswer', term, campaign: term, granted: true, commit: index, commitTerm: term },
    { type: 'vote', term, lastIndex: index, lastTerm: term, transfer: true },
    { type: 'voteAnswer', term, granted: true, commit: index, commitTerm: term },
    { type: 'heartbeat', term, commit: index, round: 1 },
    { type: 'append', term, previousIndex: index - 1, previousTerm: term, entries: [entry(term, index)], commit: index },
    { type: 'appendAnswer', term, index, rejected: false, hintIndex: index, hintTerm: term },
    { type: 'heartbeatAnswer', term, round: index },
    { type: 'timeoutNow', term },
    { type: 'stale', term },
  ]
  const tell = (message: object): void => {
    const { epoch } = papers.enrolment.chain
    // with and without the epoch, for whichever of the two a node reads
    for (const payload of [
      pack(message),
      pack([epoch, message]),
      pack([epoch + 1, message]),
      pack([Number.MAX_SAFE_INTEGER, message]),
    ]) {
      for (const { ready } of nodes) mallory.control.notify(ready.peerId, 'raft', payload)
    }
  }
  /** An answer on the same lane: all that was told before has been read. */
  const allRead = async (): Promise<void> => {
    await Promise.all(
      nodes.map(({ ready }) =>
        mallory.control.call(ready.peerId, 'system5:read-index', new Uint8Array(), OPTIONS).catch(() => {}),
      ),
    )
  }

  it('with terms up to and beyond the largest integer move no node’s term', async () => {
    for (const term of HIGH) for (const message of messages(term, 10)) tell(message)
    await allRead()
    for (const node of nodes)
      expect((await statusOf(node)).system5.term).toBeLessThan(Math.min(...HIGH.filter((term) => term > 1)))
    await nothingChanged()
  })

  it('of the current and the next term depose nobody and add no entry', async () => {
    const office = async (): Promise<Pick<Status['system5'], 'leader' | 'term' | 'appliedIndex'>> => {
      const { leader, term, appliedIndex } = (await statusOf(target)).system5
      return { leader, term, appliedIndex }
    }
    const outcome = async (): Promise<'as before' | 'otherwise'> => {
      const held = await office()
      const { term, appliedIndex: decided } = held
      for (const near of [term - 1, term, term + 1]) {
        for (const index of [1, decided, decided + 1, decided + 1_000]) for (const message of messages(near, index)) tell(message)
      }
      await allRead()
      return isDeepStrictEqual(await office(), held) ? 'as before' : 'otherwise'
    }
    // What deposes does so each time; the voters of a busy machine elect, and System 5 has things of its own to decide, now and then.
    await expect.poll(outcome).toBe('as before')
    await nothingChanged()
  })

  it('with a forged snapshot replace nothing', async () => {
    const { term } = (await statusOf(target)).system5
    const configuration = { voters: [papers.identity.peerId], outgoing: [], learners: [], learnersNext: [], autoLeave: false }
    for (const at of [term, term + 1, 2 ** 40]) {
      tell({ type: 'snapshot', term: at, snapshot: { index: 1_000_000, term: at, configuration, data: randomBytes(500) } })
    }
    await allRead()
    await nothingChanged()
  })

  it('that are garbage of any size leave the node up', async () => {
    for (const size of [0, 1, 7, 1_000, 1_000_000])
      for (const { ready } of nodes) mallory.control.notify(ready.peerId, 'raft', randomBytes(size))
    await allRead()
    await nothingChanged()
  })
})

describe('requests to System 5', () => {
  const own = (): { author: string; atMs: number } => ({ author: papers.identity.peerId, atMs: Date.now() })
  const victim = (): string => nth(nodes, 1).ready.peerId
  const pain = (): object => ({
    ...own(),
    op: 'alert:raise',
    id: 'forged',
    feeling: 'pain',
    severity: 'critical',
    origin: 'organ',
    system: 'system1',
    unit: 'notes',
    subject: 'notes burn',
    text: '',
    count: 1,
    onsetMs: Date.now(),
    lastMs: Date.now(),
  })
  const json = (value: object): Uint8Array => Buffer.from(JSON.stringify(value))

  it.each<[string, () => object]>([
    ['in another member’s name', () => ({ ...own(), author: victim(), op: 'unit:release', unit: 'notes' })],
    [
      'to take a newcomer in without an invitation',
      () => ({ ...own(), op: 'invitation:redeem', id: 'x', peer: generateIdentity().peerId, name: 'friend' }),
    ],
    ['to remove another member', () => ({ ...own(), op: 'member:remove', peer: victim() })],
    ['to write a made-up certificate', () => ({ ...own(), op: 'link:add', index: 1_000, certificate: 'AAAA' })],
    [
      'to change the policy without an operator',
      () => ({ ...own(), op: 'policy:set', policies: { everything: 'mine' }, expects: 0, reason: 'because' }),
    ],
    [
      'to make itself an operator',
      () => ({ ...own(), op: 'operator:add', name: 'mallory', publicKey: 'A'.repeat(43), reason: 'because' }),
    ],
    ['to evict a member', () => ({ ...own(), op: 'member:evict', peer: victim(), reason: 'because' })],
    ['to forget a member', () => ({ ...own(), op: 'member:forget', peer: victim() })],
    ['to raise an alert in another member’s name', () => ({ ...pain(), author: victim() })],
    ['to say that an alert is what none can be', () => ({ ...pain(), onsetMs: -1, count: 0 })],
    ['to raise the feature level', () => ({ ...own(), op: 'feature:raise', level: 99 })],
    ['of a kind nobody knows', () => ({ ...own(), op: 'everything:mine' })],
    ['to nobody, deep as a well', () => JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`) as object],
  ])('%s are refused', async (_what, operation) => {
    await refusedByAll('system5:decide', json(operation()))
    await nothingChanged()
  })

  it('for a unit’s name, a bare name or the pain of a unit that another has leave it there', async () => {
    const { leader } = (await statusOf(target)).system5
    if (leader === null) throw new Error('nobody leads')
    for (const operation of [
      { ...own(), op: 'unit:claim', unit: 'notes', peer: papers.identity.peerId },
      { ...own(), op: 'unit:claim', unit: 'notes', peer: victim() },
      { ...own(), op: 'unit:release', unit: 'notes' },
      { ...own(), op: 'name:grant', bareName: 'read_graph', unit: 'mine' },
      pain(),
    ]) {
      await mallory.control.call(leader, 'system5:decide', json(operation), OPTIONS).catch(() => {})
    }
    await nothingChanged()
  })

  it('to sign a credential for who is no member are refused by every voter', async () => {
    const { enrolment } = papers
    const payload = credentialPayload({
      mesh: enrolment.meshId,
      group: enrolment.groupId,
      sub: generateIdentity().peerId,
      name: 'friend',
      zone: '',
      role: 'member',
      jti: 'friend',
      voterIndex: enrolment.chain.index,
      issuedAtMs: Date.now(),
    })
    await refusedByAll('system5:sign-credential', payload)
    await nothingChanged()
  })

  it.each([
    'system5:decide',
    'system5:redeem',
    'system5:sign-credential',
    'system5:sign-link',
    'system1:units',
    'no:such-method',
  ])('of garbage to %s are refused, and the connection lives', async (method) => {
    for (const size of [1, 100, 100_000]) {
      for (const { ready } of nodes) await mallory.control.call(ready.peerId, method, randomBytes(size), OPTIONS).catch(() => {})
    }
    await nothingChanged()
  })
})

describe('the shared document', () => {
  it('emptied, overwritten and stuffed by a member keeps what its owners wrote', async () => {
    const topics = topicsOf(papers.enrolment.meshId, papers.enrolment.groupId)
    const vandal = new VandalDocument()
    for (const { ready } of nodes) vandal.take(await mallory.state.call(ready.peerId, 'state:sync', vandal.question(), OPTIONS))
    const ids = [...new Set(vandal.elements().map(({ key }) => key))]
    expect(ids.some((id) => id.startsWith('units/') && id.includes('notes'))).toBe(true)
    const genuine = vandal.valueOf(vandal.idOf('notes'))
    for (const id of ids) vandal.set(id, randomBytes(100))
    vandal.set(`units/${papers.identity.peerId}/notes`, genuine)
    vandal.set(`units/${nth(nodes, 0).ready.peerId}/notes`, genuine)
    const say = async (update: Uint8Array): Promise<void> => {
      await mallory.gossip.publish(topics.state, encodeGossip('update', update)).catch(() => {})
      const digests = { document: randomBytes(32), records: randomBytes(32) }
      for (const { ready } of nodes) {
        await mallory.state.call(ready.peerId, 'state:sync', encodeSync({ digests, update }), OPTIONS).catch(() => {})
      }
    }
    await say(vandal.update())
    vandal.delete(...vandal.elements().map(({ key }) => key))
    await say(vandal.update())
    for (const size of [1, 50, 5_000, 900_000]) await say(randomBytes(size))
    for (const method of ['state:sync', 'state:records']) {
      for (const { ready } of nodes) await mallory.state.call(ready.peerId, method, randomBytes(10_000), OPTIONS).catch(() => {})
    }
    await nothingChanged()
    await memberIsServed(target)
  })
})

describe('gossip and calls', () => {
  it('with reports and alerts in another’s name are not taken for theirs', async () => {
    const topics = topicsOf(papers.enrolment.meshId, papers.enrolment.groupId)
    const victim = nth(nodes, 1).ready.peerId
    const alert = encodeMessage('alert', {
      channel: { kind: 'algedonic', from: 'system1', to: 'system5' },
      node: victim,
      sequence: 1_000_000,
      atMs: Date.now(),
      body: {
        id: 'forged',
        feeling: 'pain',
        severity: 'critical',
        source: { system: 'system1', origin: 'organ', unit: 'notes' },
        subject: 'notes',
        text: 'burning',
        onsetMs: Date.now(),
      },
    })
    await mallory.gossip.publish(topics.alert, alert).catch(() => {})
    for (const name of [topics.alert, topics.control, topics.coordination, topics.policy, topics.unit('notes')]) {
      await mallory.gossip.publish(name, randomBytes(300)).catch(() => {})
    }
    await nothingChanged()
  })

  it('thousands at once and of garbage leave others served', async () => {
    const calls = Array.from({ length: 6_000 }, async (_, at) => {
      const { ready } = nth(nodes, at % nodes.length)
      await mallory.rpc.call(ready.peerId, 'mcp:request', randomBytes(200), OPTIONS).catch(() => {})
    })
    await memberIsServed(target)
    await Promise.all(calls)
    await nothingChanged()
  })
})
