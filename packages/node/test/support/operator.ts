import { silentLogger, systemClock } from '@vsmcp/kernel'
import { CharterDesk } from '../../src/charter/charter-desk.ts'
import { type OperatorSigner, operatorKeyFile, operatorSigner } from '../../src/charter/operator-signer.ts'
import type { SignedChange, SignedEviction } from '../../src/charter/contract.ts'
import type { TestNode } from './group.ts'

/** What people do with a node's charter. */
export const deskOf = (node: TestNode): CharterDesk => new CharterDesk({ ...node, clock: systemClock, logger: silentLogger })

/** The operator whose key `init` made in the founder's directory. */
export async function operatorOf(founder: TestNode): Promise<OperatorSigner> {
  return operatorSigner(operatorKeyFile(founder.dir), await deskOf(founder).show())
}

export const why = { reason: 'a test', signedAtMs: 1_700_000_000_000 }

export const policySet = (operator: OperatorSigner, policies: Record<string, unknown>, expects: number): SignedChange =>
  operator.sign({ op: 'policy:set', policies, expects, ...why } as const)

/** The signed eviction of a member, by PeerId or name. */
export async function evictionOf(node: TestNode, operator: OperatorSigner, member: string): Promise<SignedEviction> {
  const { peerId: peer, joinedAtIndex, untilMs } = await deskOf(node).draftEviction(member)
  return operator.sign({ op: 'member:evict', peer, joinedAtIndex, untilMs, ...why } as const)
}
