import type { ApplyResult, RefusalCode } from '@vsmcp/consensus'
import { InvalidArgumentError, messageOf } from '@vsmcp/kernel'
import { unpack } from 'msgpackr'
import { z } from 'zod'

/** What members answer one another on the control plane, checked before anything of it is used. */
const indexField = z.int().min(0)

const resultField = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), changed: z.boolean() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string(), holder: z.string().optional() }),
])

const decided = z.tuple([resultField, indexField])
const credentialPart = z.object({ payload: z.string(), protected: z.string(), signature: z.string() })
const delegateRequest = z.object({ payload: z.instanceof(Uint8Array), passport: z.instanceof(Uint8Array) })
const proven = z.object({ operation: z.instanceof(Uint8Array), proof: z.instanceof(Uint8Array) })
const linkSignature = z.object({ peer: z.string(), signature: z.instanceof(Uint8Array) })

/** What was decided, and the index up to which the log was applied then. The record of a member stays where it was decided. */
export function readDecided(bytes: Uint8Array): readonly [ApplyResult, number] {
  const [result, index] = readAs(decided, bytes, 'a decision')
  if (result.ok) return [result, index]
  const { holder, code, message } = result
  return [{ ok: false, code: code as RefusalCode, message, ...(holder === undefined ? {} : { holder }) }, index]
}

export function readIndexAnswer(bytes: Uint8Array): number {
  return readAs(indexField, bytes, 'an index of the log')
}

export function readCredentialPart(bytes: Uint8Array): z.infer<typeof credentialPart> {
  return readAs(credentialPart, bytes, 'a signature under a credential')
}

/** Of a delegate that asks for a credential: what is to be signed, and what it shows of the groups it is in. */
export function readDelegateRequest(bytes: Uint8Array): z.infer<typeof delegateRequest> {
  return readAs(delegateRequest, bytes, 'a request for the credential of a delegate')
}

/** Of a member that asks for a decision: the operation, and what proves it. */
export function readProven(bytes: Uint8Array): z.infer<typeof proven> {
  return readAs(proven, bytes, 'a proposal with its proof')
}

export function readLinkSignature(bytes: Uint8Array): z.infer<typeof linkSignature> {
  return readAs(linkSignature, bytes, 'a signature under a change of voters')
}

/** Throws `InvalidArgumentError` for what is not of that shape. */
export function readAs<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  try {
    return schema.parse(unpack(bytes))
  } catch (cause) {
    throw new InvalidArgumentError(`what came is not ${what}: ${messageOf(cause)}`, { cause })
  }
}
