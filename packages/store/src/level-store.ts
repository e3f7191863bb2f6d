import { join } from 'node:path'
import { InvalidArgumentError, type KeyValueStore } from '@vsmcp/kernel'
import { seal } from './checksum.ts'
import { DATABASE_DIRECTORY, markCreated, prepareDataDirectory } from './data-dir.ts'
import { Database } from './database.ts'
import { checkSeal, copied, writeSeal } from './directory-seal.ts'
import { lockedByWhom, refuseIfHeld, removeHolder, writeHolder } from './holder.ts'
import type { Store, StoreComponents, StoreInit, StoreStats } from './index.ts'
import { LevelKeyValueStore } from './level-kv.ts'
import { LevelRaftStorage } from './raft-log.ts'
import { isLocked, toStoreError } from './translate.ts'
import { Writer } from './writer.ts'

const NAMESPACE_PATTERN = /^[a-z0-9][a-z0-9-]{0,63}$/

export async function openLevelStore(init: StoreInit, components: StoreComponents): Promise<Store> {
  const { dir, create = true, evenIfCopied = false } = init
  const { clock, logger } = components
  const isNew = await prepareDataDirectory(dir, create, logger)
  await refuseIfHeld(dir)
  const isSealed = !isNew && !evenIfCopied && (await isTheSealed(dir))
  const database = new Database(join(dir, DATABASE_DIRECTORY), clock, logger)
  try {
    await database.open(isNew)
  } catch (error) {
    throw isLocked(error) ? await lockedByWhom(dir, clock) : toStoreError(error, `opening the database in ${dir}`)
  }
  try {
    await writeHolder(dir, clock)
    if (!isSealed && !evenIfCopied) await sealOnce(dir, database, isNew)
    if (isNew) await markCreated(dir)
  } catch (error) {
    await database.close()
    await removeHolder(dir)
    throw toStoreError(error, `opening the data directory ${dir}`)
  }
  const store = new LevelStore(dir, database)
  try {
    await store.raft.open()
  } catch (error) {
    await store.stop()
    throw error
  }
  return store
}

/** The database remembers that it was sealed: a copy whose seal was left out is none that never had one. */
const SEALED_KEY = 'm!sealed'

async function isTheSealed(dir: string): Promise<boolean> {
  try {
    return (await checkSeal(dir)) === 'sealed'
  } catch (error) {
    throw toStoreError(error, `opening the data directory ${dir}`)
  }
}

async function sealOnce(dir: string, database: Database, isNew: boolean): Promise<void> {
  // One whose making was cut off may have got so far before.
  if (!isNew && (await database.read((db) => db.has(SEALED_KEY)))) throw copied(dir)
  await writeSeal(dir)
  await database.write([{ type: 'put', key: SEALED_KEY, value: seal(SEALED_KEY, new Uint8Array()) }], true)
}

class LevelStore implements Store {
  readonly dir: string
  readonly raft: LevelRaftStorage
  readonly #database: Database
  readonly #writer: Writer
  #stopping: Promise<void> | undefined

  constructor(dir: string, database: Database) {
    this.dir = dir
    this.#database = database
    this.#writer = new Writer(database)
    this.raft = new LevelRaftStorage(database, this.#writer)
  }

  kv(namespace: string): KeyValueStore {
    if (!NAMESPACE_PATTERN.test(namespace)) {
      throw new InvalidArgumentError(`"${namespace}" is not a namespace: lower-case letters, digits and dashes, at most 64`)
    }
    return new LevelKeyValueStore(this.#database, this.#writer, `k!${namespace}!`)
  }

  stats(): StoreStats {
    return { ...this.#writer.counts, refusing: this.#database.refusing }
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #close(): Promise<void> {
    await this.#writer.stop()
    await this.#database.close()
    await removeHolder(this.dir)
  }
}
