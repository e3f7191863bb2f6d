import {
  generateIdentity,
  generateMeshKey,
  generateOperatorKey,
  type Identity,
  loadIdentity,
  loadMeshKey,
  loadOperatorKey,
  type MeshKey,
  type OperatorKey,
  saveIdentity,
  saveMeshKey,
  saveOperatorKey,
} from '@vsmcp/security'
import { dataDirectory, readIfThere } from './data-directory.ts'

/** The node's identity, written before anybody hears of it; that of an earlier attempt that was cut off is used again. */
export async function identityOf(dataDir: string): Promise<Identity> {
  const file = dataDirectory(dataDir).identity
  if ((await readIfThere(file)) !== undefined) return loadIdentity(file)
  const identity = generateIdentity()
  await saveIdentity(file, identity)
  return identity
}

/** Likewise the mesh key. */
export async function meshKeyOf(dataDir: string): Promise<MeshKey> {
  const file = dataDirectory(dataDir).meshKey
  if ((await readIfThere(file)) !== undefined) return loadMeshKey(file)
  const key = generateMeshKey()
  await saveMeshKey(file, key)
  return key
}

/** And the key of the first operator. */
export async function operatorKeyOf(dataDir: string): Promise<OperatorKey> {
  const file = dataDirectory(dataDir).operatorKey
  if ((await readIfThere(file)) !== undefined) return loadOperatorKey(file)
  const key = generateOperatorKey()
  await saveOperatorKey(file, key)
  return key
}
