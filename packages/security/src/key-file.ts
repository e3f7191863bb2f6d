import { randomBytes } from 'node:crypto'
import { link, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf } from '@vsmcp/kernel'
import { KEY_FILE_BYTES_MAX } from './constants.ts'
import { KeyFileExistsError, KeyFileExposedError, KeyFileMalformedError, KeyFileMissingError } from './errors.ts'

/** Permission bits of group and others. */
const FOREIGN_BITS = 0o077

/** Reads a key file and makes a key of it. @param what for messages: "identity key", "mesh key" */
export async function readKeyFile<T>(file: string, what: string, parse: (bytes: Uint8Array) => T): Promise<T> {
  const bytes = await readPrivate(file, what)
  try {
    return parse(bytes)
  } catch (cause) {
    throw new KeyFileMalformedError(`${file} is no ${what}: ${messageOf(cause)}`, {
      hint: 'Restore the file from a backup of this directory; a key cannot be repaired.',
      cause,
    })
  }
}

/** Writes mode 0600, whole or not at all, fsynced. Throws `KeyFileExistsError`: a key is never overwritten. */
export async function writeKeyFile(file: string, what: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    // Unlike a rename, a hard link fails when the name is taken.
    await link(temporary, file)
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause
    throw new KeyFileExistsError(`${file} exists: it was not overwritten`, {
      hint: `This directory has its ${what} already; use another directory for another one.`,
      cause,
    })
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(dirname(file))
}

async function readPrivate(file: string, what: string): Promise<Uint8Array> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT') throw cause
    throw new KeyFileMissingError(`there is no ${what} at ${file}`, {
      hint: 'Make a mesh with `vsmcp init`, or join one.',
      cause,
    })
  })
  try {
    const { mode, size } = await handle.stat()
    if ((mode & FOREIGN_BITS) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(3, '0')
      throw new KeyFileExposedError(`others on this machine may read ${file} (mode ${octal})`, {
        hint: `Run: chmod 600 '${file}'. If somebody may have read it, make a new ${what}.`,
      })
    }
    if (size > KEY_FILE_BYTES_MAX) {
      throw new KeyFileMalformedError(`${file} is no ${what}: it has ${size} bytes`, { hint: 'Restore the file from a backup.' })
    }
    return new Uint8Array(await handle.readFile())
  } finally {
    await handle.close()
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
