import { type Charter, recoverersOf } from '@vsmcp/consensus'
import type { MeshId } from '@vsmcp/kernel'
import { z } from 'zod'
import { CHARTER_BYTES_MAX, CHARTER_LABEL, VOTERS_MAX } from './constants.ts'
import { CharterForgedError, CharterMalformedError, CharterOtherMeshError } from './errors.ts'
import { counterField, groupField, meshIdField, peerField } from './fields.ts'
import { decodeWith, decoding, textOf, toBase64url } from './form.ts'
import type { GrantedCharter } from './granted-charter.ts'
import type { MeshKey } from './mesh-key.ts'
import { keyObjectOf, meshIdOf, verifyWith, withLabel } from './peer-keys.ts'

/** A first charter as carried, and what vouches for it: the mesh key for the root's, the voters above for any other's. */
export type SignedCharter = RootCharter | GrantedCharter

/** The root's first charter, with the mesh key's signature over it. */
export interface RootCharter {
  /** Raw Ed25519 public key; its digest is the mesh id. */
  readonly meshPublicKey: Uint8Array
  /** JSON of the charter, as its author wrote it. */
  readonly charter: Uint8Array
  readonly signature: Uint8Array
}

/** What the chain of trust needs of a charter. */
export type CharterFacts = Pick<Charter, 'meshId' | 'groupId' | 'path' | 'epoch' | 'voters'> & {
  /** Public keys that may recover the group beside the mesh key, ascending. */
  readonly recoverers: readonly string[]
}

const factsSchema = z.object({
  meshId: meshIdField,
  meshPublicKey: z.string(),
  groupId: groupField,
  path: z.string(),
  epoch: counterField,
  voters: z
    .array(peerField)
    .min(1)
    .max(VOTERS_MAX)
    .refine((voters) => new Set(voters).size === voters.length, 'a voter twice'),
  featureLevel: z.int().positive().exactOptional(),
  operators: z.array(z.object({ publicKey: z.string(), recovery: z.boolean().exactOptional() })).exactOptional(),
})

/** Signs JSON bytes of a `Charter` of this mesh. Throws `CharterMalformedError` or `CharterOtherMeshError` for any others. */
export function signFirstCharter(meshKey: MeshKey, charter: Uint8Array): RootCharter {
  rootFactsOf(charter, meshKey.publicKey)
  return { meshPublicKey: meshKey.publicKey, charter, signature: meshKey.sign(withLabel(CHARTER_LABEL, charter)) }
}

/**
 * Verifies the root's by the mesh id alone, and reads what the chain starts from.
 * Throws `CharterOtherMeshError`, `CharterForgedError` or `CharterMalformedError`.
 */
export function verifyFirstCharter(meshId: MeshId, signed: RootCharter): CharterFacts {
  const shown = meshIdOf(signed.meshPublicKey)
  if (shown !== meshId) throw otherMesh(shown, meshId)
  if (!verifyWith(keyObjectOf(signed.meshPublicKey), withLabel(CHARTER_LABEL, signed.charter), signed.signature)) {
    throw new CharterForgedError(`the first charter of mesh ${meshId} is not signed by the mesh's key`, {
      hint: 'Trust nothing from whoever showed it.',
    })
  }
  return rootFactsOf(signed.charter, signed.meshPublicKey)
}

function rootFactsOf(charter: Uint8Array, meshPublicKey: Uint8Array): CharterFacts {
  const facts = factsOf(charter, meshPublicKey)
  if (facts.path === '/') return facts
  throw new CharterMalformedError(`this is no first charter: the mesh key signs that of the root, and its path is ${facts.path}`)
}

/** What the first charter of any group of this mesh says. Throws `CharterMalformedError` or `CharterOtherMeshError`. */
export function factsOf(charter: Uint8Array, meshPublicKey: Uint8Array): CharterFacts {
  const facts = decoding(
    () => {
      if (charter.length > CHARTER_BYTES_MAX) throw new Error(`${charter.length} bytes, ${CHARTER_BYTES_MAX} are allowed`)
      return decodeWith(factsSchema, JSON.parse(textOf(charter)))
    },
    (reason, cause) =>
      new CharterMalformedError(`this is no first charter: ${reason}`, { hint: 'Make the mesh anew with `vsmcp init`.', cause }),
  )
  const meshId = meshIdOf(meshPublicKey)
  if (facts.meshId !== meshId || facts.meshPublicKey !== toBase64url(meshPublicKey)) throw otherMesh(facts.meshId, meshId)
  const { featureLevel = 1, operators = [] } = facts
  const recoverers = recoverersOf({ featureLevel, operators: operators.map((each) => ({ name: '', ...each })) })
  return { meshId, groupId: facts.groupId, path: facts.path, epoch: facts.epoch, voters: facts.voters.toSorted(), recoverers }
}

function otherMesh(shown: MeshId, expected: MeshId): CharterOtherMeshError {
  return new CharterOtherMeshError(`the first charter is of mesh ${shown}, and not of ${expected}`, {
    hint: 'Nodes of two meshes do not talk to each other; check the address.',
    details: { shown, expected },
  })
}
