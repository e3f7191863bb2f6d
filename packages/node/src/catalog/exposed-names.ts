import type { UnitName } from '@vsmcp/kernel'
import { sha256Hex } from '../sha256.ts'

/** What model APIs accept as the name of a tool. */
const MODEL_API_NAME = /^[A-Za-z0-9_-]{1,64}$/
const LENGTH_MAX = 64
const DIGEST_LENGTH = 8
const SEPARATOR = '__'

/**
 * `unit__tool`, which every tool can be called by. What model APIs would refuse (over 64 characters, other characters)
 * is shortened and ends with a digest of the whole, so that two tools never share a name.
 */
export function qualifiedName(unit: UnitName, name: string): string {
  const whole = `${unit}${SEPARATOR}${name}`
  if (MODEL_API_NAME.test(whole)) return whole
  const digest = sha256Hex(whole).slice(0, DIGEST_LENGTH)
  const readable = whole.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, LENGTH_MAX - DIGEST_LENGTH - 1)
  return `${readable}_${digest}`
}

/** Whether the group may grant the name bare: nothing that looks qualified, nothing that model APIs refuse. */
export function canBeBare(name: string): boolean {
  return MODEL_API_NAME.test(name) && !name.includes(SEPARATOR)
}

/** The docket's key of a bare prompt name; tools and prompts are named apart. */
export function promptGrantKey(name: string): string {
  return `prompt:${name}`
}

const RESOURCE_SCHEME = 'vsmcp://'

/** A resource of one unit, whatever other units offer under the same URI. The original follows as it is. */
export function qualifiedUri(unit: UnitName, uri: string): string {
  return `${RESOURCE_SCHEME}${unit}/${uri}`
}

/** @returns undefined for a URI that names no unit */
export function splitQualifiedUri(uri: string): { unit: UnitName; uri: string } | undefined {
  const slash = uri.indexOf('/', RESOURCE_SCHEME.length)
  if (!uri.startsWith(RESOURCE_SCHEME) || slash === -1) return undefined
  return { unit: uri.slice(RESOURCE_SCHEME.length, slash), uri: uri.slice(slash + 1) }
}
