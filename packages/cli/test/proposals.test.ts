import { FakeError } from '@vsmcp/api/testing'
import type { ProposalView } from '@vsmcp/node'
import { describe, expect, it } from 'vitest'
import { fakeNode, vsmcp } from './helpers.ts'

const at = '2026-01-02T03:04:05.000Z'
const WAITS: ProposalView = {
  id: '5f0c12ab34cd',
  level: 'group',
  node: 'peer-b',
  nodeName: 'mill',
  from: 'system3',
  kind: 'concurrency',
  subject: 'files',
  atName: 'mill',
  asked: 2,
  held: 1,
  effect: { metric: 'latency', before: 120, goal: 50 },
  evidence: { probability: 0.9375, samples: 3, figures: [{ name: 'queued', value: 4 }], text: 'missed\u001B[2J in 3 windows' },
  seconds: ['quarry'],
  proposedAt: at,
  expiresAt: at,
  state: 'person',
  decision: {
    verdict: 'deferred',
    by: 'policy',
    authorName: 'alpha',
    clause: 'policy.accept',
    reason: 'for a person to give',
    latencyMs: 120,
    at,
  },
  directive: null,
  closure: null,
}

describe('vsmcp proposals', () => {
  it('lists what waits, for programs as the node says it, and shows one with its evidence', async () => {
    const { control, dataDir } = await fakeNode()
    expect((await vsmcp(['proposals'], { dataDir })).stdout).toBe('nothing is proposed\n')
    control.proposed = [WAITS]
    expect((await vsmcp(['proposals', '--all', '--json'], { dataDir })).json()).toEqual([WAITS])
    expect(control.calls.at(-1)).toEqual(['proposals', { all: true }])
    const { stdout } = await vsmcp(['proposals', 'ls'], { dataDir })
    expect(stdout).toMatch(/5f0c12ab34cd +person +group +system3 .* concurrency 1 to 2 for files on mill .* for a person to give/)
    const shown = await vsmcp(['proposals', 'show', '5f0c12ab34cd'], { dataDir })
    expect(shown.stdout).toMatch(/evidence +94 % after 3: missed/)
    expect(shown.stdout).toMatch(/effect +latency from 120 to 50/)
    expect(shown.stdout).toMatch(/so do quarry/)
    expect(shown.stdout).not.toContain('\u001B')
    expect((await vsmcp(['proposals', 'show', 'nope'], { dataDir })).code).toBe(2)
  })
})

describe('vsmcp decide', () => {
  it('carries a person’s word and reason; what must not be is said with its exit code', async () => {
    const { control, dataDir } = await fakeNode()
    control.proposed = [{ ...WAITS, decision: { ...WAITS.decision, verdict: 'accepted' } as ProposalView['decision'] }]
    const { stdout } = await vsmcp(['decide', '5f0c12ab34cd', 'accept', '--reason', 'it can'], { dataDir })
    expect(stdout).toBe('accepted: concurrency 1 to 2 for files on mill\n')
    expect(control.calls.at(-1)).toEqual(['decideProposal', { id: '5f0c12ab34cd', accept: true, reason: 'it can' }])
    await vsmcp(['decide', '5f0c12ab34cd', 'refuse', '--reason', 'no'], { dataDir })
    expect(control.calls.at(-1)).toMatchObject(['decideProposal', { accept: false }])
    expect((await vsmcp(['decide', '5f0c12ab34cd', 'maybe', '--reason', 'x'], { dataDir })).code).toBe(2)
    expect((await vsmcp(['decide', '5f0c12ab34cd', 'accept'], { dataDir })).code).toBe(2)
    control.failures.set('decideProposal', new FakeError('VSMCP_NODE_PROPOSAL_REFUSED', 'the identity keeps plc'))
    expect(await vsmcp(['decide', 'x', 'accept', '--reason', 'y'], { dataDir })).toMatchObject({ code: 4 })
    control.failures.set('decideProposal', new FakeError('VSMCP_NODE_PROPOSAL_UNKNOWN', 'there is no proposal x'))
    expect(await vsmcp(['decide', 'x', 'accept', '--reason', 'y'], { dataDir })).toMatchObject({ code: 2 })
  })
})
