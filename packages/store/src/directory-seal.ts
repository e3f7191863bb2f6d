import { createHash, randomUUID } from 'node:crypto'
import { open, readFile, rename, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { DATABASE_DIRECTORY, hasCode, syncDirectory } from './data-dir.ts'
import { StoreCopiedError } from './errors.ts'

const SEAL_FILE = 'seal'
const FORMAT = 1

/**
 * File systems whose inode numbers may be others after the next mount (magic numbers of statfs(2)): FUSE and virtiofs, 9p,
 * SMB 1 and 2. There the machine stands in for them.
 */
const WITHOUT_LASTING_INODES: ReadonlySet<number> = new Set([0x65735546, 0x01021997, 0xff534d42, 0xfe534d42])

/** One file of the directory, as its file system knows it: a copy has another. Bigints as text. */
interface FileMark {
  inode: string
  /** Nanoseconds since the epoch; `0` where the file system does not keep it. */
  born: string
}

/**
 * What a data directory writes down of itself when it is made. `seal` is the mark of the seal file itself, `database` that of the
 * database's directory: moving the directory on its file system, a remount, a reboot, and a disk in another machine leave
 * them as they are; `cp -a`, rsync, and a restored archive do not.
 */
interface Seal {
  format: number
  by: 'files' | 'machine'
  seal: FileMark
  database: FileMark
  /** Digest of the machine's id; empty where there is none, as in most containers. */
  machine: string
}

/** Whether the directory is the one that was sealed: `unsealed` when it never was. Throws `StoreCopiedError` when it is another. */
export async function checkSeal(dir: string): Promise<'sealed' | 'unsealed'> {
  const sealed = await readSeal(dir)
  if (sealed === undefined) return 'unsealed'
  const found = await marksOf(dir, join(dir, SEAL_FILE))
  const isSame =
    sealed.by === 'machine'
      ? sealed.machine === '' || sealed.machine === found.machine
      : sameFile(sealed.seal, found.seal) && sameFile(sealed.database, found.database)
  if (isSame) return 'sealed'
  throw copied(dir)
}

/** Seals the directory as it is now. */
export async function writeSeal(dir: string): Promise<void> {
  const temporary = join(dir, `${SEAL_FILE}.${randomUUID()}.tmp`)
  const file = await open(temporary, 'w', 0o600)
  try {
    // The file has its mark before it has its content, and keeps it when it is renamed.
    await file.writeFile(`${JSON.stringify(await marksOf(dir, temporary))}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(dir, SEAL_FILE))
  await syncDirectory(dir)
}

export function copied(dir: string): StoreCopiedError {
  return new StoreCopiedError(
    `${dir} is a copy of a node's data directory, or was restored from one: it never runs as that node`,
    {
      hint:
        'Run the node from the directory it was enrolled in. If that one is lost: `vsmcp backup FILE` on this copy, then ' +
        '`vsmcp restore FILE --token TOKEN` in a new directory, which makes a new node of it with the same units.',
      details: { dir },
    },
  )
}

async function marksOf(dir: string, sealFile: string): Promise<Seal> {
  const [seal, database, machine, { type }] = await Promise.all([
    markOf(sealFile),
    markOf(join(dir, DATABASE_DIRECTORY)),
    machineDigest(),
    statfs(dir),
  ])
  // The magic number is 32 bits, and signed on some machines.
  return { format: FORMAT, by: WITHOUT_LASTING_INODES.has(type >>> 0) ? 'machine' : 'files', seal, database, machine }
}

async function markOf(path: string): Promise<FileMark> {
  const { ino, birthtimeNs } = await stat(path, { bigint: true })
  return { inode: String(ino), born: String(birthtimeNs) }
}

function sameFile(one: FileMark, other: FileMark): boolean {
  // A kernel may begin, or cease, to tell the birth time.
  return one.inode === other.inode && (one.born === other.born || one.born === '0' || other.born === '0')
}

/** The id itself is not to be shown (machine-id(5)). */
async function machineDigest(): Promise<string> {
  try {
    const id = (await readFile('/etc/machine-id', 'utf8')).trim()
    return id === '' ? '' : createHash('sha256').update(`vsmcp seal ${id}`).digest('hex')
  } catch {
    return ''
  }
}

/** A torn or foreign file is no proof that the directory is the one: it counts as a copy. */
async function readSeal(dir: string): Promise<Seal | undefined> {
  let text: string
  try {
    text = await readFile(join(dir, SEAL_FILE), 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    const seal = JSON.parse(text) as Seal
    if (seal.format === FORMAT && isMark(seal.seal) && isMark(seal.database)) return seal
  } catch {
    // said below
  }
  throw copied(dir)
}

function isMark(mark: Partial<FileMark> | undefined): boolean {
  return typeof mark?.inode === 'string' && typeof mark.born === 'string'
}
