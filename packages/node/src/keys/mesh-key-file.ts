import { open, rm } from 'node:fs/promises'
import type { MeshId } from '@vsmcp/kernel'
import { KeyFileMissingError, loadMeshKey, type MeshKey, saveMeshKey } from '@vsmcp/security'
import { z } from 'zod'
import { dataDirectory, readIfThere, removeIfThere, writeWhole } from '../enrol/data-directory.ts'
import { requireEnrolment } from '../enrol/enrolment.ts'
import { MeshKeyNotExportedError } from '../errors.ts'

export interface MeshKeyExported {
  meshId: MeshId
  file: string
}

/** Where the key was exported to last. */
const noteSchema = z.object({ file: z.string() })

/**
 * Copies the mesh key to a file (mode 0600, never over another one) and reads it back from there. Once more to the same file is
 * no fault when the key is in it.
 */
export async function exportMeshKey(dataDir: string, file: string): Promise<MeshKeyExported> {
  const { meshId } = await requireEnrolment(dataDir)
  const key = await ownKey(dataDir, meshId)
  if (!(await isIn(file, key))) await saveMeshKey(file, key)
  await assertIn(file, key)
  await writeWhole(noteOf(dataDir), JSON.stringify({ file }))
  return { meshId, file }
}

/** Takes the mesh key out of the data directory, once the exported file has been read now and holds it. */
export async function removeMeshKey(dataDir: string, exported?: string): Promise<MeshKeyExported> {
  const { meshId } = await requireEnrolment(dataDir)
  const key = await ownKey(dataDir, meshId)
  const file = exported ?? (await notedFile(dataDir))
  if (file === undefined) {
    throw new MeshKeyNotExportedError('the mesh key was not exported from here: it stays', {
      hint: 'Run `vsmcp key export FILE` first, or name the file it is in with --exported.',
    })
  }
  await assertIn(file, key)
  await erase(dataDirectory(dataDir).meshKey)
  await removeIfThere(noteOf(dataDir))
  return { meshId, file }
}

/** Whether the mesh key lies in this data directory. */
export async function holdsMeshKey(dataDir: string): Promise<boolean> {
  return (await readIfThere(dataDirectory(dataDir).meshKey)) !== undefined
}

async function ownKey(dataDir: string, meshId: MeshId): Promise<MeshKey> {
  const file = dataDirectory(dataDir).meshKey
  try {
    const key = await loadMeshKey(file)
    if (key.meshId === meshId) return key
  } catch (error) {
    if (!(error instanceof KeyFileMissingError)) throw error
  }
  throw new KeyFileMissingError(`the key of mesh ${meshId} is not in ${dataDir}`, {
    hint: 'It is on the node where the mesh was made, until it is removed there; then only where it was exported to.',
  })
}

async function isIn(file: string, key: MeshKey): Promise<boolean> {
  try {
    return (await loadMeshKey(file)).meshId === key.meshId
  } catch (error) {
    if (error instanceof KeyFileMissingError) return false
    throw error
  }
}

/** Reads it as a recovery would, and makes it sign. */
async function assertIn(file: string, key: MeshKey): Promise<void> {
  const there = await loadMeshKey(file)
  const probe = Buffer.from('vsmcp mesh key export probe')
  if (there.meshId === key.meshId && Buffer.from(there.sign(probe)).equals(key.sign(probe))) return
  throw new MeshKeyNotExportedError(
    `${file} holds the key of mesh ${there.meshId}, and not of ${key.meshId}: nothing was removed`,
    {
      hint: 'Name the file that `vsmcp key export` wrote for this mesh.',
    },
  )
}

async function notedFile(dataDir: string): Promise<string | undefined> {
  const text = await readIfThere(noteOf(dataDir))
  if (text === undefined) return undefined
  const note = noteSchema.safeParse(parsed(text))
  return note.success ? note.data.file : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Overwritten first; on flash and on copying file systems old blocks may live on all the same. */
async function erase(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    const { size } = await handle.stat()
    await handle.write(Buffer.alloc(size), 0, size, 0)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rm(file)
}

function noteOf(dataDir: string): string {
  return dataDirectory(dataDir).meshKeyExported
}
