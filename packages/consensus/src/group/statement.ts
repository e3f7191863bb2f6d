import type { GroupId, MeshId } from '@vsmcp/kernel'
import { canonicalText } from '../json/json.ts'
import type { VotersStatement } from '../raft/endorsement.ts'

/** Whose words a statement is part of: a signature made in another mesh, group or epoch is worth nothing here. A `Charter` fits. */
export interface StatementScope {
  readonly meshId: MeshId
  readonly groupId: GroupId
  readonly epoch: number
}

/** First bytes of what is signed: one purpose each, so that no signature passes for another. */
export const OPERATION_LABEL = 'vsmcp operation 1'
export const VOTERS_LABEL = 'vsmcp voters endorsement 1'

/** Not covered: who carries an operation and when it is proposed (it may be proposed again by another), and the proofs themselves. */
const UNCOVERED: readonly string[] = ['author', 'atMs', 'signature', 'endorsements']

/** The fields of an operation that its proof covers, and whatever else it carries. */
export interface Provable {
  readonly op: string
  readonly [field: string]: unknown
}

/**
 * What an operator, a leaver or the voters sign for an operation: label ‖ 0x00 ‖ canonical JSON of mesh, group, epoch and every
 * field but `author`, `atMs`, `signature` and `endorsements`. Throws `TypeError` for what is no JSON.
 */
export function operationStatement(scope: StatementScope, operation: Provable): Uint8Array {
  const fields = Object.fromEntries(Object.entries(operation).filter(([name]) => !UNCOVERED.includes(name)))
  return statement(OPERATION_LABEL, scope, { operation: fields })
}

/** What voters sign to endorse a change of voters. */
export function votersStatementBytes(scope: StatementScope, { term, version, voters, changes }: VotersStatement): Uint8Array {
  return statement(VOTERS_LABEL, scope, { term, version, voters, changes: changes.map(({ type, peer }) => ({ type, peer })) })
}

function statement(label: string, { meshId, groupId, epoch }: StatementScope, content: object): Uint8Array {
  return new TextEncoder().encode(`${label}\0${canonicalText({ mesh: meshId, group: groupId, epoch, ...content })}`)
}
