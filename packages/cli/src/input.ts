import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf } from '@vsmcp/kernel'
import { INPUT_MAX_BYTES } from './constants.ts'
import { FileError } from './errors.ts'
import type { Surroundings } from './session.ts'

type From = Pick<Surroundings, 'stdin' | 'cwd'>

/** Reads a file, or standard input for `-`, as text. */
export async function readInput(path: string, { stdin, cwd }: From): Promise<string> {
  return path === '-' ? readStdin(stdin) : readText(resolve(cwd, path))
}

export async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > INPUT_MAX_BYTES) throw new FileError(`${path} is larger than ${INPUT_MAX_BYTES} bytes`)
    // A byte order mark, which some editors write, is no part of the text.
    return (await readFile(path, 'utf8')).replace(/^\ufeff/, '')
  } catch (error) {
    if (error instanceof FileError) throw error
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : messageOf(error)
    throw new FileError(`${path} cannot be read: ${why}`, { cause: error })
  }
}

async function readStdin(stdin: From['stdin']): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    const part = Buffer.from(chunk as Buffer)
    bytes += part.length
    if (bytes > INPUT_MAX_BYTES) throw new FileError(`standard input is larger than ${INPUT_MAX_BYTES} bytes`)
    chunks.push(part)
  }
  return Buffer.concat(chunks).toString('utf8')
}
