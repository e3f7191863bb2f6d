import { createHash } from 'node:crypto'
import { canonicalBytes, pathBelow, readCharter } from '@vsmcp/consensus'
import { type GroupId, type MeshId, UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import { z } from 'zod'
import type { Chain, ShownChain } from './chain.ts'
import { CHARTER_BYTES_MAX, GRANT_LABEL, GROUP_ID_BYTES, STATEMENT_BYTES_MAX } from './constants.ts'
import {
  CharterMalformedError,
  GroupGrantDiffersError,
  GroupGrantForgedError,
  GroupGrantMalformedError,
  GroupGrantSignaturesError,
} from './errors.ts'
import { counterField, digestField, groupField, meshIdField } from './fields.ts'
import { type CharterFacts, factsOf } from './first-charter.ts'
import { bytesOf, decodeWith, decoding, textOf } from './form.ts'
import { digestOf, type LinkSignature } from './link.ts'
import { majorityOf, wrongSigner } from './majority.ts'
import { withLabel } from './peer-keys.ts'

/** What the voters of a group sign for a group below theirs. */
export interface GroupGrantStatement {
  readonly mesh: MeshId
  /** The group whose voters sign. */
  readonly parent: GroupId
  readonly group: GroupId
  /** Hex SHA-256 of the first charter's bytes as carried. */
  readonly charter: string
  /** `index` of the era whose voters sign. */
  readonly voterIndex: number
}

/** A statement as carried and the signatures of a majority of one era of the parent's voters. */
export interface GroupGrant {
  readonly statement: Uint8Array
  readonly signatures: readonly LinkSignature[]
}

/** The first charter of a group below another: vouched for by that one's voters, themselves by those above, up to the mesh key. */
export interface GrantedCharter {
  /** Canonical JSON. */
  readonly charter: Uint8Array
  /** The parent's chain as far as the voters that signed: it ends with them. */
  readonly parent: ShownChain
  readonly grant: GroupGrant
}

const statementSchema = z.object({
  mesh: meshIdField,
  parent: groupField,
  group: groupField,
  charter: digestField,
  voterIndex: counterField,
})

/** The same statement gives the same bytes at every voter. Throws `GroupGrantMalformedError` for one out of bounds. */
export function encodeGroupGrant({ mesh, parent, group, charter, voterIndex }: GroupGrantStatement): Uint8Array {
  const bytes = bytesOf(JSON.stringify({ mesh, parent, group, charter, voterIndex }))
  decodeGroupGrant(bytes)
  return bytes
}

/** Throws `GroupGrantMalformedError`. Fields of a later version are left out here, and stay in the bytes. */
export function decodeGroupGrant(statement: Uint8Array): GroupGrantStatement {
  return decoding(
    () => {
      if (statement.length > STATEMENT_BYTES_MAX) throw new Error(`${statement.length} bytes, ${STATEMENT_BYTES_MAX} are allowed`)
      return decodeWith(statementSchema, JSON.parse(textOf(statement)))
    },
    (reason, cause) => new GroupGrantMalformedError(`this grants no group: ${reason}`, { cause }),
  )
}

/**
 * A group below another is named by what it begins with: hex of the first 20 bytes of the SHA-256 of a label and the canonical JSON of
 * its first charter, all but the id itself. So one id never stands for two first charters, whoever grants them.
 */
export function groupIdOf(charter: { readonly [field: string]: unknown }): GroupId {
  const { groupId: _, ...rest } = charter
  return createHash('sha256')
    .update(withLabel(GROUP_ID_LABEL, canonicalBytes(rest)))
    .digest('hex')
    .slice(0, 2 * GROUP_ID_BYTES)
}

const GROUP_ID_LABEL = 'vsmcp group id 1'

/**
 * Verifies against the parent's chain as shown with it, which must be verified already, and reads what the chain starts from. How old the
 * era is does not matter: a group founded by voters of long ago stands. Throws `GroupGrantForgedError`, `GroupGrantSignaturesError`,
 * `GroupGrantDiffersError`, `GroupGrantMalformedError`, `CharterMalformedError` or `CharterOtherMeshError`.
 */
export function verifyGrantedCharter({ charter, grant }: Pick<GrantedCharter, 'charter' | 'grant'>, parent: Chain): CharterFacts {
  const facts = childFactsOf(charter, parent)
  const said = decodeGroupGrant(grant.statement)
  assertAbout(said, { parent, group: facts.groupId, charter: digestOf(charter) })
  const { voters } = parent
  const group = facts.groupId
  const wrong =
    grant.signatures.length > voters.length ? 'anybody' : wrongSigner(voters, grantBytes(grant.statement), grant.signatures)
  if (wrong !== undefined) {
    throw new GroupGrantForgedError(`the grant of group ${group} has a signature that is not ${wrong}'s to give`, {
      hint: 'Trust nothing from whoever showed it.',
      details: { group, peer: wrong },
    })
  }
  assertGranted(grant.signatures.length, parent, group)
  return facts
}

/** What is signed. */
export function grantBytes(statement: Uint8Array): Uint8Array {
  return withLabel(GRANT_LABEL, statement)
}

/** Throws `GroupGrantSignaturesError`. */
export function assertGranted(signed: number, { voters, group: parent }: Chain, group: GroupId): void {
  const needed = majorityOf(voters.length)
  if (signed >= needed) return
  throw new GroupGrantSignaturesError(`group ${group} is granted by ${signed} of the ${needed} voters of ${parent} needed`, {
    hint: 'A majority of them must sign: see which are down with `vsmcp status`.',
    details: { group, parent, signed, needed },
  })
}

/** A first charter of a group below this parent, by itself: not whether anybody granted it. Throws `CharterMalformedError` or `CharterOtherMeshError`. */
export function childFactsOf(charter: Uint8Array, parent: Chain): CharterFacts {
  const facts = factsOf(charter, parent.meshPublicKey)
  const flaw = decoding(
    () => flawOfChild(charter, facts, parent),
    (reason, cause) => new CharterMalformedError(`this is no first charter: ${reason}`, { cause }),
  )
  if (flaw === undefined) return facts
  throw new CharterMalformedError(`this is no first charter of a group below ${parent.path}: ${flaw}`, {
    hint: 'Trust nothing from whoever showed it, or found the group anew.',
    details: { group: facts.groupId, parent: parent.group },
  })
}

function flawOfChild(bytes: Uint8Array, { groupId, path, epoch, voters }: CharterFacts, parent: Chain): string | undefined {
  if (bytes.length > CHARTER_BYTES_MAX) return 'it is too long'
  const value = JSON.parse(textOf(bytes)) as { [field: string]: unknown }
  readCharter(value)
  if (!Buffer.from(canonicalBytes(value)).equals(bytes)) return 'it is not in its canonical form'
  if (groupIdOf(value) !== groupId) return `its id is not ${groupId}, which stands for another`
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (!UNIT_NAME_PATTERN.test(name)) return `its path ends in ${JSON.stringify(name)}, which is no name of a group`
  if (path !== pathBelow(parent.path, name)) return `its path is ${path}`
  if (voters.length !== 1) return 'it begins with more than its founder as a voter'
  return epoch === 1 ? undefined : `it begins with epoch ${epoch}`
}

function assertAbout(
  said: GroupGrantStatement,
  { parent, group, charter }: { parent: Chain; group: GroupId; charter: string },
): void {
  const expected: GroupGrantStatement = {
    mesh: parent.meshId,
    parent: parent.group,
    group,
    charter,
    voterIndex: parent.index,
  }
  for (const field of ['mesh', 'parent', 'group', 'charter', 'voterIndex'] as const) {
    if (said[field] === expected[field]) continue
    throw new GroupGrantDiffersError(
      `the grant shown with group ${group} is of another one: its ${field} is ${said[field]}, and not ${expected[field]}`,
      { hint: 'Trust nothing from whoever showed it.', details: { group, field } },
    )
  }
}
