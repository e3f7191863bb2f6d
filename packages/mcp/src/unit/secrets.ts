import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf } from '@vsmcp/kernel'
import { SECRET_BYTES_MAX } from './constants.ts'
import { SecretMissingError } from './errors.ts'

const REFERENCE = /^(env|file):(.+)$/s

export interface SecretSources {
  /** Reads an environment variable of the node. */
  environment: (name: string) => string | undefined
  /** Relative paths are relative to this. */
  directory: string
}

async function readSecretFile(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(SECRET_BYTES_MAX + 1)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    if (bytesRead > SECRET_BYTES_MAX) throw new Error(`it is larger than ${SECRET_BYTES_MAX} bytes`)
    return buffer.toString('utf8', 0, bytesRead).replace(/\r?\n$/, '')
  } finally {
    await file.close()
  }
}

async function resolveSecret(name: string, value: string, sources: SecretSources): Promise<string> {
  const match = REFERENCE.exec(value)
  const [, kind, source] = match ?? []
  if (source === undefined) return value
  if (kind === 'env') {
    const found = sources.environment(source)
    if (found !== undefined) return found
    throw new SecretMissingError(`${name} is to be the environment variable ${source}, which the node does not have`, {
      hint: `Start the node with ${source} set, or attach the server again with another source.`,
      details: { name, source: value },
    })
  }
  try {
    return await readSecretFile(resolve(sources.directory, source))
  } catch (error) {
    throw new SecretMissingError(`${name} is to be the content of ${source}, which cannot be read: ${messageOf(error)}`, {
      hint: 'Create the file, readable for the user the node runs as.',
      details: { name, source: value },
      cause: error,
    })
  }
}

/**
 * Replaces `env:NAME` and `file:PATH` (a last line break is left out) by what they stand for; other values stay. Read at
 * each start of a server, so that a rotated secret needs no new attach. The result is never logged.
 */
export async function resolveSecrets(
  values: Readonly<Record<string, string>>,
  sources: SecretSources,
): Promise<Record<string, string>> {
  const resolved: Record<string, string> = {}
  for (const [name, value] of Object.entries(values)) resolved[name] = await resolveSecret(name, value, sources)
  return resolved
}
