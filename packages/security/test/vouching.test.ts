import { describe, expect, it } from 'vitest'
import { isInForce, oldestVouching, orThrow, verifyCredential, VOUCHING_ERAS_MAX } from '../src/index.ts'
import { chainThrough, credentialFor, DAY_MS, NOW_MS, outcome, world } from './fixtures.ts'

describe('voters of long ago', () => {
  const w = world()
  const [one, two] = w.others
  if (one === undefined || two === undefined) throw new Error('too few identities')
  const changes = (count: number) => Array.from({ length: count }, (_, at) => [w.founder, at % 2 === 0 ? one : two])

  it('vouch until as many changes have followed as there are voter sets that count', async () => {
    const credential = await credentialFor(w.chain, one, [w.founder])
    for (const [count, expected] of [
      [VOUCHING_ERAS_MAX - 1, 'ok'],
      [VOUCHING_ERAS_MAX, 'CREDENTIAL_VOTERS_UNKNOWN'],
    ] as const) {
      const chain = chainThrough(w, ...changes(count))
      const check = { credential, chain, nowMs: NOW_MS, revocations: [], oldestVoterIndex: oldestVouching(chain) }
      expect(outcome(await verifyCredential(check))).toBe(expected)
    }
  })

  it('leave a credential that is good for its renewal, as does the end of its time, but not one that is forged', async () => {
    const chain = chainThrough(w, ...changes(VOUCHING_ERAS_MAX))
    const old = await credentialFor(w.chain, one, [w.founder])
    const oldestVoterIndex = oldestVouching(chain)
    const check = { chain, nowMs: NOW_MS, revocations: [], oldestVoterIndex, mayBeOver: true }
    const claims = orThrow(await verifyCredential({ ...check, credential: old }))
    expect(isInForce(claims, { nowMs: NOW_MS, oldestVoterIndex })).toBe(false)
    expect(isInForce(claims, { nowMs: NOW_MS })).toBe(true)
    const late = { ...check, credential: old, nowMs: NOW_MS + 200 * DAY_MS }
    expect(outcome(await verifyCredential(late))).toBe('ok')
    expect(outcome(await verifyCredential({ ...late, revocations: [{ peer: one.peerId }] }))).toBe('CREDENTIAL_REVOKED')
    const forged = { ...old, signatures: old.signatures.map((each) => ({ ...each, signature: 'A'.repeat(86) })) }
    expect(outcome(await verifyCredential({ ...late, credential: forged }))).toBe('CREDENTIAL_FORGED')
  })
})
