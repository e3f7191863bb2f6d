import {
  type Charter,
  type Endorsement,
  type Operation,
  type OperatorSignedOperation,
  operationStatement,
  type Provable,
  type VoterEndorsedOperation,
} from '../../src/index.ts'
import { CHARTER, Group, sign } from './group.ts'

/** A charter of a group that knows proofs: two operators, `olga` and `omar`, and the mesh key. */
export const DECIDING: Charter = {
  ...CHARTER,
  featureLevel: 2,
  operators: [
    { name: 'olga', publicKey: 'b2xnYQ' },
    { name: 'omar', publicKey: 'b21hcg' },
  ],
}

type Without<O, K extends string> = O extends unknown ? { [F in keyof O as F extends K ? never : F]: O[F] } : never
/** What a person asks for; the rest is filled in. */
type ByOperator = Without<OperatorSignedOperation, 'author' | 'atMs' | 'signature' | 'operator' | 'reason' | 'signedAtMs'>
type ByVoters = Without<VoterEndorsedOperation, 'author' | 'atMs' | 'endorsements'>

export interface SignedAs {
  operator?: string
  reason?: string
  signedAtMs?: number
  /** Whose key really signs. @default the operator's */
  key?: string
  /** The charter the signer had in mind. @default the group's */
  scope?: Charter
}

/** The operation as an operator signs it. */
export function signedBy(group: Group, asked: ByOperator, as: SignedAs = {}): Operation {
  const { operator = 'olga', reason = 'because', signedAtMs = 500, scope = group.state.charter } = as
  const known = operator === 'mesh-key' ? scope.meshPublicKey : scope.operators.find(({ name }) => name === operator)?.publicKey
  const publicKey = as.key ?? known ?? 'AAAA'
  const operation = { ...asked, operator, reason, signedAtMs } as Provable
  const signature = sign({ publicKey }, operationStatement(scope, operation))
  return { ...operation, signature, author: 'a', atMs: 1_000 } as unknown as Operation
}

/** Signatures of these peers under an operation. */
export function endorsementsOf(group: Group, operation: Provable, peers: readonly string[]): Endorsement[] {
  const bytes = operationStatement(group.state.charter, operation)
  return peers.map((peer) => ({ peer, signature: sign({ peer }, bytes) }))
}

/** The operation as these voters endorse it. */
export function endorsedBy(group: Group, asked: ByVoters, peers: readonly string[]): Operation {
  const endorsements = endorsementsOf(group, asked, peers)
  return { ...asked, endorsements, author: 'a', atMs: 1_000 }
}

/** A group of the voters `a`, `b`, `c` and the learner `d`, that knows proofs. */
export function decidingGroup(charter: Charter = DECIDING): Group {
  const group = new Group(charter).join('b').join('c').join('d')
  group.change(['voter', 'b'], ['voter', 'c'], ['learner', 'd'])
  group.leaveJoint()
  return group
}
