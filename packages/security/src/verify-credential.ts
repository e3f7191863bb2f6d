import { isoTime, type PeerIdString } from '@vsmcp/kernel'
import type { Chain, VoterEra } from './chain.ts'
import { CLOCK_SKEW_MS, CREDENTIAL_LIFE_MS } from './constants.ts'
import {
  assertMajority,
  claimsOf,
  type Credential,
  type CredentialClaims,
  decodeCredential,
  isPartOf,
  signerOf,
} from './credential.ts'
import {
  CredentialExpiredError,
  CredentialForgedError,
  CredentialMalformedError,
  CredentialNotYetValidError,
  CredentialOtherMeshError,
  CredentialRevokedError,
  CredentialVotersUnknownError,
} from './errors.ts'
import { type Verdict, verdictOfAsync } from './verdict.ts'

/** Revokes every credential of a peer, or one credential by its `jti`. */
export type Revocation = { readonly peer: PeerIdString } | { readonly jti: string }

export interface CredentialCheck {
  readonly credential: Credential
  readonly chain: Chain
  /** Wall clock, milliseconds since the Unix epoch. */
  readonly nowMs: number
  readonly revocations: readonly Revocation[]
  /** Eras before this index vouch for nobody any more. @default 0 */
  readonly oldestVoterIndex?: number
  /**
   * Accept one whose time is over, or whose voters vouch no longer: genuine all the same, and good for nothing but being renewed.
   * The caller asks `isInForce`. @default false
   */
  readonly mayBeOver?: boolean
}

/**
 * Claims, or why not. What is told first: whether it is genuine, then whether it was revoked, then whether its time is now; so
 * that `CredentialExpiredError` always means a genuine one that may be renewed.
 */
export async function verifyCredential(check: CredentialCheck): Promise<Verdict<CredentialClaims>> {
  return verdictOfAsync(() => checkCredential(check))
}

async function checkCredential(check: CredentialCheck): Promise<CredentialClaims> {
  const credential = decodeCredential(check.credential)
  const claims = claimsOf(credential)
  assertOurs(claims, check.chain)
  await assertSigned(credential, eraOf(claims, check))
  assertLife(claims)
  if (
    check.revocations.some((revocation) =>
      'peer' in revocation ? revocation.peer === claims.sub : revocation.jti === claims.jti,
    )
  ) {
    throw new CredentialRevokedError(`the membership of ${claims.name} (${claims.sub}) was revoked`, {
      hint: 'It may come back with a new invitation and a new identity.',
    })
  }
  if (check.mayBeOver === true && !isInForce(claims, check)) return claims
  assertTime(claims, check.nowMs)
  return claims
}

/** Whether genuine claims open doors now: their time is not over, and their voters still vouch. */
export function isInForce(
  { exp, voterIndex }: CredentialClaims,
  now: Pick<CredentialCheck, 'nowMs' | 'oldestVoterIndex'>,
): boolean {
  return exp * 1_000 + CLOCK_SKEW_MS > now.nowMs && voterIndex >= (now.oldestVoterIndex ?? 0)
}

/** Voters sign none that lives longer, so that those of long ago cannot have vouched for today. */
function assertLife({ iat, exp, name }: CredentialClaims): void {
  if ((exp - iat) * 1_000 <= LIFE_MAX_MS) return
  throw new CredentialMalformedError(`the credential of ${name} would live for ${Math.round((exp - iat) / 86_400)} days`, {
    hint: `None lives longer than ${CREDENTIAL_LIFE_MS / 86_400_000} days: trust nothing from whoever showed it.`,
  })
}

/** Whole seconds: a life ends up to one later than asked for. */
const LIFE_MAX_MS = CREDENTIAL_LIFE_MS + 1_000

function assertOurs({ mesh, group }: CredentialClaims, chain: Chain): void {
  if (mesh === chain.meshId && group === chain.group) return
  const [what, theirs, ours] = mesh === chain.meshId ? ['group', group, chain.group] : ['mesh', mesh, chain.meshId]
  throw new CredentialOtherMeshError(`the credential is of ${what} ${theirs}, and not of ${ours}`, {
    hint: 'Check the address, or join this mesh with an invitation of its own.',
    details: { theirs, ours },
  })
}

function eraOf({ voterIndex }: CredentialClaims, { chain, oldestVoterIndex = 0, mayBeOver }: CredentialCheck): VoterEra {
  const era = chain.eras.find(({ index }) => index === voterIndex)
  if (era === undefined) {
    throw new CredentialVotersUnknownError(
      `the credential is signed by the voters of index ${voterIndex}, who are not in the chain`,
      {
        hint: 'The chain shown with it must reach that index.',
        details: { voterIndex, newest: chain.index },
      },
    )
  }
  if (era.index < oldestVoterIndex && mayBeOver !== true) {
    throw new CredentialVotersUnknownError(
      `the credential is signed by the voters of index ${voterIndex}, and only those from ${oldestVoterIndex} on still vouch`,
      { hint: 'Renew it, or join again with an invitation.', details: { voterIndex, oldestVoterIndex } },
    )
  }
  return era
}

async function assertSigned({ payload, signatures }: Credential, { voters, index }: VoterEra): Promise<void> {
  const signers = new Set<PeerIdString>()
  for (const signature of signatures) {
    const signer = signerOf(signature)
    if (signer === undefined || !voters.includes(signer)) continue
    if (signers.has(signer) || !(await isPartOf(signer, { payload, ...signature }))) {
      throw new CredentialForgedError(`the credential has a signature in the name of ${signer} that is wrong or there twice`, {
        hint: 'Trust nothing from whoever showed it.',
        details: { signer, voterIndex: index },
      })
    }
    signers.add(signer)
  }
  assertMajority(signers.size, voters.length)
}

function assertTime(claims: CredentialClaims, nowMs: number): void {
  const { iat, exp, name } = claims
  if (exp * 1_000 + CLOCK_SKEW_MS <= nowMs) {
    throw new CredentialExpiredError(`the credential of ${name} expired at ${isoOf(exp)}`, claims, {
      hint: 'Check the clocks with `vsmcp doctor`. A member renews by itself while voters are reachable; else join again.',
    })
  }
  if (iat * 1_000 - CLOCK_SKEW_MS > nowMs) {
    throw new CredentialNotYetValidError(`the credential of ${name} is valid only from ${isoOf(iat)} on`, {
      hint: 'One of the clocks is wrong: check them with `vsmcp doctor`.',
    })
  }
}

function isoOf(seconds: number): string {
  return isoTime(seconds * 1_000)
}
