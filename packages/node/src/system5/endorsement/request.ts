import {
  type ConfigurationChange,
  decodeOperation,
  encodeOperation,
  type Endorsement,
  type OccurrenceDue,
  type Operation,
  type VoterEndorsedOperation,
  type VotersStatement,
} from '@vsmcp/consensus'
import { InvalidArgumentError, messageOf } from '@vsmcp/kernel'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'

type MayBeEndorsed = VoterEndorsedOperation | OccurrenceDue

/** `Omit` would lose the known fields of a type that carries unknown ones. */
type Unsigned<O> = O extends MayBeEndorsed
  ? { readonly [K in keyof O as string extends K ? never : K extends 'endorsements' | 'author' | 'atMs' ? never : K]: O[K] }
  : never

/** An operation that needs the voters' word, before they have given it. */
export type EndorsedOperation = Unsigned<MayBeEndorsed>

/** What the leader asks the voters to sign. */
export type EndorsementRequest =
  | {
      readonly kind: 'voters'
      readonly statement: VotersStatement
      /** Signed leaves and evictions that the change rests on. */
      readonly because: readonly Operation[]
      /** Up to where the leader has applied the log: who is behind looks when it has caught up. */
      readonly applied: number
    }
  | { readonly kind: 'operation'; readonly operation: EndorsedOperation; readonly applied: number }

const bytesField = z.instanceof(Uint8Array)
const requestSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('voters'),
    term: z.int().min(0),
    version: z.int().min(0),
    voters: z.array(z.string()).max(64),
    changes: z
      .array(z.object({ type: z.enum(['voter', 'learner', 'remove']), peer: z.string() }))
      .min(1)
      .max(256),
    because: z.array(bytesField).max(64),
    applied: z.int().min(0),
  }),
  z.object({ kind: z.literal('operation'), operation: bytesField, applied: z.int().min(0) }),
])
const answerSchema = z.object({ peer: z.string(), signature: z.string() })

const ENDORSED: ReadonlySet<string> = new Set<MayBeEndorsed['op']>([
  'member:forget',
  'revocation:expire',
  'feature:raise',
  'claim:recall',
  'claim:revoke',
  'occurrence:lose',
  'occurrence:due',
])

export function encodeRequest(request: EndorsementRequest, author: string): Uint8Array {
  if (request.kind === 'operation') {
    const operation = encodeOperation({ ...request.operation, author, atMs: 0, endorsements: [] })
    return pack({ kind: request.kind, operation, applied: request.applied })
  }
  const { term, version, voters, changes } = request.statement
  const because = request.because.map((operation) => encodeOperation(operation))
  return pack({ kind: request.kind, term, version, voters, changes, because, applied: request.applied })
}

/** Throws `InvalidArgumentError`. */
export function decodeRequest(bytes: Uint8Array): EndorsementRequest {
  try {
    const request = requestSchema.parse(unpack(bytes))
    if (request.kind === 'voters') {
      const { term, version, voters, applied, because } = request
      const changes: ConfigurationChange['changes'] = request.changes
      const statement = { term, version, voters, changes }
      return { kind: 'voters', statement, because: because.map((each) => decodeOperation(each)), applied }
    }
    const operation = decodeOperation(request.operation)
    if (!ENDORSED.has(operation.op)) throw new InvalidArgumentError(`${operation.op} needs no endorsement`)
    return { kind: 'operation', operation: operation as EndorsedOperation, applied: request.applied }
  } catch (cause) {
    throw new InvalidArgumentError(`what came is no request for an endorsement: ${messageOf(cause)}`, { cause })
  }
}

/** Throws `InvalidArgumentError`. */
export function decodeEndorsement(bytes: Uint8Array): Endorsement {
  try {
    return answerSchema.parse(unpack(bytes))
  } catch (cause) {
    throw new InvalidArgumentError(`what came is no endorsement: ${messageOf(cause)}`, { cause })
  }
}
