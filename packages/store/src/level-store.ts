import { join } from 'node:path'
import { InvalidArgumentError, type KeyValueStore } from '@vsmcp/kernel'
import { DATABASE_DIRECTORY, markCreated, prepareDataDirectory } from './data-dir.ts'
import { Database } from './database.ts'
import { lockedByWhom, refuseIfHeld, removeHolder, writeHolder } from './holder.ts'
import type { Store, StoreComponents, StoreInit, StoreStats } from './index.ts'
import { LevelKeyValueStore } from './level-kv.ts'
import { LevelRaftStorage } from './raft-log.ts'
import { isLocked, toStoreError } from './translate.ts'
import { Writer } from './writer.ts'

const NAMESPACE_PATTERN = /^[a-z0-9][a-z0-9-]{0,63}$/

export async function openLevelStore(init: StoreInit, components: StoreComponents): Promise<Store> {
  const { dir, create = true } = init
  const { clock, logger } = components
  const isNew = await prepareDataDirectory(dir, create, logger)
  await refuseIfHeld(dir)
  const database = new Database(join(dir, DATABASE_DIRECTORY), clock, logger)
  try {
    await database.open(isNew)
  } catch (error) {
    throw isLocked(error) ? await lockedByWhom(dir, clock) : toStoreError(error, `opening the database in ${dir}`)
  }
  try {
    await writeHolder(dir, clock)
    if (isNew) await markCreated(dir)
  } catch (error) {
    await database.close()
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
