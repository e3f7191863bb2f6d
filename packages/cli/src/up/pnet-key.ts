import { stat } from 'node:fs/promises'
import { FileError } from '../errors.ts'
import { readText } from '../input.ts'

/** Reads the key of the private network; throws `FileError`, which never repeats what the file holds. */
export async function readPnetKey(file: string, warn: (text: string) => void): Promise<string> {
  const key = await readText(file)
  const { checkPnetKey } = await import('@vsmcp/node')
  try {
    checkPnetKey(key)
  } catch (cause) {
    throw new FileError(`${file} holds no pnet key`, { hint: `Make one with: vsmcp key pnet --new ${file}`, cause })
  }
  if (((await stat(file)).mode & 0o077) !== 0) warn(`${file} holds the pnet key and can be read by others: chmod 600 it`)
  return key
}
