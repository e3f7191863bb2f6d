import { type GroupId, type MeshId, type PeerIdString, systemClock } from '@vsmcp/kernel'
import {
  type Chain,
  type Credential,
  decodeChain,
  encodeChain,
  heardOf,
  type HeardOf,
  orThrow,
  type ShownChain,
  verifyChain,
} from '@vsmcp/security'
import { z } from 'zod'
import { EnrolmentUnreadableError, NotEnrolledError } from '../errors.ts'
import { dataDirectory, readIfThere, writeWhole } from './data-directory.ts'

/** What this node knows of its own membership; proves it to others and verifies theirs without anybody's help. */
export interface Enrolment {
  meshId: MeshId
  meshName: string
  groupId: GroupId
  path: string
  name: string
  role: 'member' | 'edge'
  /** This node left or was evicted: nothing here opens a door any more. */
  left: boolean
  /** Not by its own wish. */
  evicted?: boolean
  /** Nor evicted: the group took it off its list, as it does with ephemeral members that were away for too long. */
  forgotten?: boolean
  /** Id of the invitation redeemed; absent for the founder, and where an older version joined. */
  invitation?: string
  credential: Credential
  chain: Chain
  /** The chain as far as the voters that signed the credential, where an anchor took them out of `chain`: shown until it is renewed. */
  signers?: ShownChain | undefined
  /** When this node heard of the newest voter sets; absent where an earlier release wrote it last. */
  heardOf?: HeardOf
  /** Who else started the epoch of the chain: while it does not go on in a later one, this node decides nothing. */
  rival?: { epoch: number; peer: PeerIdString }
  /** Where other members were last seen: whom to dial first. */
  peers: readonly { peer: PeerIdString; addresses: readonly string[] }[]
}

const fileSchema = z.object({
  format: z.literal(1),
  meshId: z.string(),
  meshName: z.string(),
  groupId: z.string(),
  path: z.string(),
  name: z.string(),
  role: z.enum(['member', 'edge']),
  left: z.boolean(),
  evicted: z.boolean().exactOptional(),
  forgotten: z.boolean().exactOptional(),
  invitation: z.string().exactOptional(),
  credential: z.object({
    payload: z.string(),
    signatures: z.array(z.object({ protected: z.string(), signature: z.string() })),
  }),
  chain: z.base64(),
  signers: z.base64().exactOptional(),
  heardOf: z.record(z.string(), z.number()).exactOptional(),
  rival: z.object({ epoch: z.number(), peer: z.string() }).exactOptional(),
  peers: z.array(z.object({ peer: z.string(), addresses: z.array(z.string()) })),
})

/** @returns undefined when the directory belongs to no mesh; throws `EnrolmentUnreadableError` for a damaged file */
export async function readEnrolment(dataDir: string): Promise<Enrolment | undefined> {
  const file = dataDirectory(dataDir).enrolment
  const text = await readIfThere(file)
  if (text === undefined) return undefined
  try {
    const parsed = fileSchema.parse(JSON.parse(text))
    const chain = orThrow(verifyChain({ meshId: parsed.meshId, ...decodeChain(Buffer.from(parsed.chain, 'base64')) }))
    const { signers, ...rest } = parsed
    return { ...rest, chain, ...(signers !== undefined && { signers: decodeChain(Buffer.from(signers, 'base64')) }) }
  } catch (cause) {
    throw new EnrolmentUnreadableError(`${file} is damaged or was written by another version`, {
      hint: 'Restore it from a backup of this directory, or join again with a new invitation in an empty one.',
      cause,
    })
  }
}

/** The chain of voters that a data directory holds; undefined for one of no mesh. */
export async function knownChain(dataDir: string): Promise<Chain | undefined> {
  return (await readEnrolment(dataDir))?.chain
}

/** `was evicted from`, and then the name of the mesh. */
export function howItLeft({ evicted, forgotten }: Pick<Enrolment, 'evicted' | 'forgotten'>): string {
  if (evicted === true) return 'was evicted from'
  return forgotten === true ? 'was taken off the list of members of' : 'has left'
}

export async function requireEnrolment(dataDir: string): Promise<Enrolment> {
  const enrolment = await readEnrolment(dataDir)
  if (enrolment !== undefined && !enrolment.left) return enrolment
  throw new NotEnrolledError(
    enrolment === undefined
      ? `${dataDir} belongs to no mesh yet`
      : `this node ${howItLeft(enrolment)} the mesh ${enrolment.meshName}`,
    { hint: 'Make a mesh with `vsmcp init`, or join one with `vsmcp join TOKEN`.' },
  )
}

export async function writeEnrolment(dataDir: string, enrolment: Enrolment): Promise<void> {
  const { chain, signers, ...rest } = enrolment
  const file: z.input<typeof fileSchema> = {
    format: 1,
    ...rest,
    credential: { payload: rest.credential.payload, signatures: [...rest.credential.signatures] },
    peers: rest.peers.map(({ peer, addresses }) => ({ peer, addresses: [...addresses] })),
    chain: Buffer.from(encodeChain(chain)).toString('base64'),
    ...(signers && { signers: Buffer.from(encodeChain(signers)).toString('base64') }),
    heardOf: heardOf(rest.heardOf, chain, Math.round(systemClock.wallMs())),
  }
  await writeWhole(dataDirectory(dataDir).enrolment, `${JSON.stringify(file, null, 2)}\n`)
}
