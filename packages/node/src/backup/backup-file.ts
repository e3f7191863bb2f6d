import { open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { decodeGroupState } from '@vsmcp/consensus'
import { messageOf } from '@vsmcp/kernel'
import { decodeChain, orThrow, verifyChain } from '@vsmcp/security'
import { z } from 'zod'
import { BackupExistsError, BackupUnreadableError } from '../errors.ts'
import { sha256Hex } from '../sha256.ts'
import { unitSpecSchema } from '../system1/unit-specs.ts'

const FORMAT = 1
const KIND = 'vsmcp-backup'

const bodySchema = z.object({
  madeAt: z.string(),
  /** Of the program that made it. */
  version: z.string(),
  mesh: z.object({ id: z.string(), name: z.string(), groupId: z.string(), path: z.string() }),
  /** The node it was made of. Never its key. */
  node: z.object({ peerId: z.string(), name: z.string(), role: z.enum(['member', 'edge']) }),
  /** First charter and certified changes of voters. */
  chain: z.base64(),
  /** Where members were last seen. */
  peers: z.array(z.object({ peer: z.string(), addresses: z.array(z.string()) })),
  /** Charter with its history, and docket, as of an entry of the log; absent on a node that never had a copy. */
  group: z.object({ index: z.int().positive(), term: z.int().positive(), state: z.base64() }).exactOptional(),
  /** As they were attached, secrets included. */
  units: z.array(unitSpecSchema),
  /** Text of `vsmcp.yaml`. */
  config: z.string().exactOptional(),
})

const fileSchema = z.object({ kind: z.literal(KIND), format: z.literal(FORMAT), digest: z.string(), body: z.string() })

/** All that a node can be made anew from: never a vote, never the log, never a key. */
export type Backup = z.infer<typeof bodySchema>

export function encodeBackup(backup: Backup): string {
  const body = JSON.stringify(backup)
  return `${JSON.stringify({ kind: KIND, format: FORMAT, digest: sha256Hex(Buffer.from(body)), body })}\n`
}

/** Throws `BackupUnreadableError` for what is damaged, cut short, or no backup. */
export function decodeBackup(text: string, file: string): Backup {
  try {
    const { digest, body } = fileSchema.parse(JSON.parse(text))
    if (sha256Hex(Buffer.from(body)) !== digest) throw new Error('its checksum does not fit')
    const backup = bodySchema.parse(JSON.parse(body))
    orThrow(verifyChain({ meshId: backup.mesh.id, ...decodeChain(Buffer.from(backup.chain, 'base64')) }))
    if (backup.group !== undefined) decodeGroupState(Buffer.from(backup.group.state, 'base64'))
    return backup
  } catch (cause) {
    throw new BackupUnreadableError(`${file} is no whole backup of a node: ${messageOf(cause).split('\n')[0] ?? ''}`, {
      hint: 'Take another one; a backup is one file, made by `vsmcp backup FILE`.',
      cause,
    })
  }
}

export async function readBackup(file: string): Promise<Backup> {
  return decodeBackup(await readFile(file, 'utf8'), file)
}

/** Mode 0600, fsynced; a file that is there is never overwritten. Throws `BackupExistsError`. */
export async function writeBackup(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new BackupExistsError(`${file} is there already: it was not overwritten`, { hint: 'Name another file.', cause })
  })
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  const directory = await open(dirname(file), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
