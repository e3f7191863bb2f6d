import { describe, expect, it } from 'vitest'
import { heardOf, isInForce, oldestVouching, orThrow, verifyCredential, VOUCHING_ERAS_MAX } from '../src/index.ts'
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

  it('vouch no longer than a credential lives, from when others are known to have taken their place', async () => {
    const credential = await credentialFor(w.chain, one, [w.founder])
    const first = heardOf(undefined, w.chain, NOW_MS - 900 * DAY_MS)
    const chain = chainThrough(w, ...changes(2))
    const heard = heardOf(first, chainThrough(w, ...changes(1)), NOW_MS)
    const whole = heardOf(heard, chain, NOW_MS + 80 * DAY_MS)
    expect(Object.values(whole)).toEqual([NOW_MS - 900 * DAY_MS, NOW_MS, NOW_MS + 80 * DAY_MS])
    const oldest = (days: number): number => oldestVouching(chain, whole, NOW_MS + days * DAY_MS)
    expect([oldest(0), oldest(90), oldest(91), oldest(170), oldest(171), oldest(5_000)]).toEqual([0, 0, 10, 10, 20, 20])
    const minted = await credentialFor(w.chain, two, [w.founder], { issuedAtMs: NOW_MS + 100 * DAY_MS })
    const check = { chain, credential: minted, nowMs: NOW_MS + 101 * DAY_MS, revocations: [] }
    expect(outcome(await verifyCredential(check))).toBe('ok')
    expect(outcome(await verifyCredential({ ...check, oldestVoterIndex: oldest(101) }))).toBe('CREDENTIAL_VOTERS_UNKNOWN')
    // Nothing that was signed in good faith is lost by it.
    expect(
      isInForce(orThrow(await verifyCredential({ ...check, credential, nowMs: NOW_MS })), { nowMs: NOW_MS + 91 * DAY_MS }),
    ).toBe(false)
  })

  it('vouch at a node that has heard of all of them only now as long as by their number', () => {
    expect(oldestVouching(chainThrough(w, ...changes(3)), {}, NOW_MS)).toBe(0)
  })

  it('vouch for nobody for longer than 90 days, however they sign', async () => {
    const endless = await credentialFor(w.chain, one, [w.founder], { lifeMs: 91 * DAY_MS })
    const check = { chain: w.chain, credential: endless, nowMs: NOW_MS, revocations: [] }
    expect(outcome(await verifyCredential(check))).toBe('CREDENTIAL_MALFORMED')
    expect(outcome(await verifyCredential({ ...check, mayBeOver: true }))).toBe('CREDENTIAL_MALFORMED')
  })
})
