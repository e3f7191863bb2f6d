import { stat } from 'node:fs/promises'
import { HTTP_TOKEN_LENGTH_MIN } from '../constants.ts'
import { FileError } from '../errors.ts'
import { readText } from '../input.ts'

/** Reads the token that MCP clients have to send. */
export async function readHttpToken(file: string, warn: (text: string) => void): Promise<string> {
  const token = (await readText(file)).trim()
  if (token.length < HTTP_TOKEN_LENGTH_MIN || !/^[\u0021-\u007e]+$/.test(token)) {
    throw new FileError(
      `${file} holds no token: at least ${HTTP_TOKEN_LENGTH_MIN} letters, digits and signs on one line are needed`,
      {
        hint: `Make one with: openssl rand -hex 32 > ${file}`,
      },
    )
  }
  if (((await stat(file)).mode & 0o077) !== 0)
    warn(`${file} holds the token of the MCP endpoint and can be read by others: chmod 600 it`)
  return token
}
