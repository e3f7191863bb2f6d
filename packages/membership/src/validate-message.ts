import { INCARNATION_MAX, NUMBER_MAX, PEER_ID_LENGTH_MAX, RUMORS_PER_MESSAGE_MAX, SIGNATURE_BYTES_MAX } from './constants.ts'
import { InvalidMembershipMessageError } from './errors.ts'
import type { MembershipMessage, Rumor } from './message.ts'

type Fields = Readonly<Record<string, unknown>>

/** What came over the wire, as a message of its exact shape; unknown fields are left out. Throws `InvalidMembershipMessageError`. */
export function validateMembershipMessage(value: unknown): MembershipMessage {
  const fields = asFields(value, 'a message')
  switch (fields['type']) {
    case 'ping':
    case 'ack':
      return { type: fields['type'], number: count(fields, 'number', NUMBER_MAX), digest: digest(fields), rumors: rumors(fields) }
    case 'nack':
      return { type: 'nack', number: count(fields, 'number', NUMBER_MAX) }
    case 'ask':
      return {
        type: 'ask',
        number: count(fields, 'number', NUMBER_MAX),
        target: peerOf(fields, 'target'),
        rumors: rumors(fields),
      }
    case 'gossip':
      return { type: 'gossip', rumors: rumors(fields) }
    default:
      throw refused('its type is unknown')
  }
}

function rumors(fields: Fields): Rumor[] {
  const list = fields['rumors']
  if (!Array.isArray(list)) throw refused('rumors is no list')
  if (list.length > RUMORS_PER_MESSAGE_MAX) throw refused(`it has ${list.length} rumors, ${RUMORS_PER_MESSAGE_MAX} are allowed`)
  return list.map(rumor)
}

function rumor(value: unknown): Rumor {
  const fields = asFields(value, 'a rumor')
  const { state, firstHand, signature } = fields
  if (state !== 'alive' && state !== 'suspect' && state !== 'failed') throw refused('the state of a rumor is unknown')
  if (typeof firstHand !== 'boolean') throw refused('firstHand is no truth value')
  const incarnation = count(fields, 'incarnation', INCARNATION_MAX)
  const common: Rumor = { peer: peerOf(fields, 'peer'), state, incarnation, firstHand }
  if (signature === undefined) return common
  if (!(signature instanceof Uint8Array) || signature.length > SIGNATURE_BYTES_MAX) throw refused('a signature is none')
  // A copy, for what came is a piece of a larger frame.
  return { ...common, signature: signature.slice() }
}

function asFields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(`${what} is no object`)
  return value as Fields
}

function count(fields: Fields, name: string, max: number): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) {
    throw refused(`${name} is no whole number from 0 to ${max}`)
  }
  return value
}

function digest(fields: Fields): number {
  return count(fields, 'digest', 0xffff_ffff)
}

function peerOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length === 0 || value.length > PEER_ID_LENGTH_MAX) throw refused(`${name} is no peer id`)
  return value
}

function refused(why: string): InvalidMembershipMessageError {
  return new InvalidMembershipMessageError(`a membership message was refused: ${why}`, {
    hint: 'If it repeats, compare the versions of the nodes.',
  })
}
