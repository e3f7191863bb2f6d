import { randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@vsmcp/kernel'
import { DIRECTORY_MODE, FORMAT_VERSION } from './constants.ts'
import { REJOIN_HINT, StoreCorruptError, StoreFormatNewerError, StoreFormatUnknownError, StoreNotFoundError } from './errors.ts'
import { toStoreError } from './translate.ts'

const FORMAT_FILE = 'format'
/** There while the database is being made: a crash in between is no loss. */
const CREATING_FILE = 'creating'
const FORMAT_PATTERN = /^vsmcp-data (\d{1,9})\n?$/
export const DATABASE_DIRECTORY = 'db'

/**
 * Makes the directory fit to open: exists, mode 0700, and of a format that this release reads.
 * @returns whether it is new, so that the database is still to be made; then call `markCreated` once it is
 */
export async function prepareDataDirectory(dir: string, create: boolean, logger: Logger): Promise<boolean> {
  try {
    if (create) await mkdir(dir, { recursive: true, mode: DIRECTORY_MODE })
    await tighten(dir, logger)
    return await isNew(dir, create)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw notFound(dir)
    throw toStoreError(error, `opening the data directory ${dir}`)
  }
}

/** From here on a missing database is a loss, never a reason to make an empty one: that would be a voter without memory. */
export async function markCreated(dir: string): Promise<void> {
  await writeDurably(dir, FORMAT_FILE, `vsmcp-data ${FORMAT_VERSION}\n`)
  await rm(join(dir, CREATING_FILE), { force: true })
}

/** Writes a file whole or not at all, and durably: a crash leaves the old content or the new. */
export async function writeDurably(dir: string, name: string, text: string): Promise<void> {
  const temporary = join(dir, `${name}.${randomUUID()}.tmp`)
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(dir, name))
  await syncDirectory(dir)
}

export async function syncDirectory(dir: string): Promise<void> {
  const directory = await open(dir, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

async function tighten(dir: string, logger: Logger): Promise<void> {
  const { mode } = await stat(dir)
  if ((mode & 0o077) === 0) return
  await chmod(dir, DIRECTORY_MODE)
  logger.warn({ dir, mode: (mode & 0o777).toString(8) }, 'data directory was open to others, now mode 700')
}

async function isNew(dir: string, create: boolean): Promise<boolean> {
  const text = await readFile(join(dir, FORMAT_FILE), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (text !== undefined) {
    checkFormat(dir, text)
    await checkDatabase(dir)
    return false
  }
  const names = await readdir(dir)
  if (names.includes(DATABASE_DIRECTORY) && !names.includes(CREATING_FILE)) {
    throw new StoreFormatUnknownError(`${dir} has a database but no "${FORMAT_FILE}" file`, {
      hint: 'It was copied in part or belongs to something else. Name another directory, or restore the whole of this one.',
    })
  }
  if (!create) throw notFound(dir)
  await writeDurably(dir, CREATING_FILE, '')
  return true
}

function checkFormat(dir: string, text: string): void {
  const version = Number(FORMAT_PATTERN.exec(text)?.[1] ?? Number.NaN)
  if (Number.isNaN(version) || version < 1) {
    throw new StoreFormatUnknownError(`the "${FORMAT_FILE}" file in ${dir} is not one of this project`, {
      hint: 'The directory belongs to something else or is damaged. Name another one.',
    })
  }
  if (version > FORMAT_VERSION) {
    throw new StoreFormatNewerError(
      `${dir} was written by a newer release (data format ${version}, this one reads up to ${FORMAT_VERSION})`,
      {
        hint: 'Run the newer release again, or name another directory and join the mesh anew.',
        details: { found: version, supported: FORMAT_VERSION },
      },
    )
  }
}

async function checkDatabase(dir: string): Promise<void> {
  try {
    await stat(join(dir, DATABASE_DIRECTORY, 'CURRENT'))
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT')) throw cause
    throw new StoreCorruptError(`the database in ${dir} is gone`, { hint: REJOIN_HINT, cause })
  }
}

function notFound(dir: string): StoreNotFoundError {
  return new StoreNotFoundError(`there is no data directory at ${dir}`, {
    hint: 'Check --data-dir or VSMCP_DATA_DIR; "vsmcp init" or "vsmcp join" makes a new one.',
  })
}
