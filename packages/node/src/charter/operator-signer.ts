import type { Charter } from '@vsmcp/consensus'
import { generateOperatorKey, loadOperatorKey, meshIdOf, saveOperatorKey, signAsOperator } from '@vsmcp/security'
import { dataDirectory } from '../enrol/data-directory.ts'
import { OperatorUnknownError } from '../errors.ts'
import type { CharterView } from './contract.ts'

/** Signs what only people decide, in the name of one operator and for the charter of now. */
export interface OperatorSigner {
  readonly name: string
  sign<O extends { readonly op: string }>(operation: O): O & { operator: string; signature: string }
}

/** Whom the mesh key signs for: it stands above the operators. */
const MESH_KEY = 'mesh-key'

/**
 * Opens an operator's key, or the mesh key. Throws what reading a key file throws, and `OperatorUnknownError` for a key that the
 * charter does not name.
 */
export async function operatorSigner(file: string, charter: CharterView): Promise<OperatorSigner> {
  const key = await loadOperatorKey(file)
  const isMeshKey = meshIdOf(key.publicKey) === charter.mesh.id
  const name = isMeshKey ? MESH_KEY : charter.operators.find(({ publicKey }) => publicKey === key.publicKeyText)?.name
  if (name === undefined) {
    throw new OperatorUnknownError(`the key in ${file} is of no operator that the charter of ${charter.mesh.name} names`, {
      hint: `Its public key is ${key.publicKeyText}: an operator adds it with \`vsmcp operator add NAME --public-key\`; \`vsmcp operator ls\` lists those named.`,
    })
  }
  const scope: Pick<Charter, 'meshId' | 'groupId' | 'epoch'> = {
    meshId: charter.mesh.id,
    groupId: charter.group.id,
    epoch: charter.epoch,
  }
  return { name, sign: (operation) => signAsOperator(key, name, scope, operation) }
}

/** Where the key is that `vsmcp init` made. */
export function operatorKeyFile(dataDir: string): string {
  return dataDirectory(dataDir).operatorKey
}

/** Makes a key for a new operator. @returns its public key; throws `KeyFileExistsError` */
export async function newOperatorKey(file: string): Promise<string> {
  const key = generateOperatorKey()
  await saveOperatorKey(file, key)
  return key.publicKeyText
}
