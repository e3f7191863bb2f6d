import { cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger, systemClock, VsmcpError } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
import { openFor, temporaryDirectory } from './support/directory.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const components = { clock: systemClock, logger: silentLogger }

async function outcomeOf(dir: string): Promise<string> {
  try {
    const store = await openStore({ dir, create: false })(components)
    await store.stop()
    return 'opened'
  } catch (error) {
    return error instanceof VsmcpError ? error.code : String(error)
  }
}

/** A directory that holds something, closed. */
async function written(): Promise<{ parent: string; dir: string }> {
  const parent = await temporaryDirectory()
  const dir = join(parent, 'data')
  const store = await openStore({ dir })(components)
  await store.kv('units').write([{ type: 'put', key: 'files', value: bytes('x') }], { sync: true })
  await store.stop()
  return { parent, dir }
}

const likeCpA = { recursive: true, preserveTimestamps: true } as const

describe('the seal of a data directory', () => {
  test('lets the directory be opened again and again, by its owner alone', async () => {
    const { dir } = await written()
    expect(await outcomeOf(dir)).toBe('opened')
    expect(await outcomeOf(dir)).toBe('opened')
    expect((await stat(join(dir, 'seal'))).mode & 0o777).toBe(0o600)
  })

  test('holds when the directory is moved on its file system', async () => {
    const { parent, dir } = await written()
    await mkdir(join(parent, 'elsewhere'))
    await rename(dir, join(parent, 'elsewhere', 'moved'))
    expect(await outcomeOf(join(parent, 'elsewhere', 'moved'))).toBe('opened')
  })

  test('refuses a copy, says the way out, and leaves the original and the copy as they are', async () => {
    const { parent, dir } = await written()
    const copy = join(parent, 'copy')
    await cp(dir, copy, likeCpA)
    await expect(openStore({ dir: copy })(components)).rejects.toMatchObject({
      code: 'VSMCP_STORE_COPIED',
      hint: expect.stringContaining('vsmcp restore') as string,
    })
    expect(await outcomeOf(copy)).toBe('VSMCP_STORE_COPIED')
    expect(await readFile(join(copy, 'seal'), 'utf8')).toBe(await readFile(join(dir, 'seal'), 'utf8'))
    expect(await outcomeOf(dir)).toBe('opened')
  })

  test('refuses what was restored to the place of the original', async () => {
    const { parent, dir } = await written()
    await cp(dir, join(parent, 'backup'), likeCpA)
    await rm(dir, { recursive: true })
    await cp(join(parent, 'backup'), dir, likeCpA)
    expect(await outcomeOf(dir)).toBe('VSMCP_STORE_COPIED')
  })

  test('refuses a database that was put back alone', async () => {
    const { parent, dir } = await written()
    await cp(join(dir, 'db'), join(parent, 'db'), likeCpA)
    await rm(join(dir, 'db'), { recursive: true })
    await cp(join(parent, 'db'), join(dir, 'db'), likeCpA)
    expect(await outcomeOf(dir)).toBe('VSMCP_STORE_COPIED')
  })

  test('cannot be shed: a sealed directory whose seal is gone, torn or foreign is refused', async () => {
    const { parent, dir } = await written()
    const seal = await readFile(join(dir, 'seal'), 'utf8')
    for (const text of ['', '{', '{"format":1}', seal.slice(0, 20)]) {
      await writeFile(join(dir, 'seal'), text)
      expect(await outcomeOf(dir), text).toBe('VSMCP_STORE_COPIED')
    }
    await rm(join(dir, 'seal'))
    expect(await outcomeOf(dir)).toBe('VSMCP_STORE_COPIED')
    await cp(dir, join(parent, 'copy'), likeCpA)
    expect(await outcomeOf(join(parent, 'copy'))).toBe('VSMCP_STORE_COPIED')
  })

  test('is put on a directory of before seals at its next opening', async () => {
    const { parent, dir } = await written()
    const store = await openStore({ dir, evenIfCopied: true })(components)
    await store.stop()
    await rm(join(dir, 'seal'))
    await forgetSeal(dir)
    expect(await outcomeOf(dir)).toBe('opened')
    await cp(dir, join(parent, 'copy'), likeCpA)
    expect(await outcomeOf(join(parent, 'copy'))).toBe('VSMCP_STORE_COPIED')
  })

  test('can be passed over by who reads a copy only, and stays as it was', async () => {
    const { parent, dir } = await written()
    const copy = join(parent, 'copy')
    await cp(dir, copy, likeCpA)
    const store = await openStore({ dir: copy, evenIfCopied: true })(components)
    expect(await store.kv('units').get('files')).toEqual(bytes('x'))
    await store.stop()
    expect(await outcomeOf(copy)).toBe('VSMCP_STORE_COPIED')
  })

  test('does not stop an opening that was cut off before the directory was whole', async () => {
    const { dir } = await written()
    await rm(join(dir, 'format'))
    await writeFile(join(dir, 'creating'), '')
    const store = await openStore({ dir })(components)
    await store.stop()
    expect(await outcomeOf(dir)).toBe('opened')
  })
})

/** As a release before seals left the database. */
async function forgetSeal(dir: string): Promise<void> {
  const { Level } = await import('level')
  const db = new Level<string, Uint8Array>(join(dir, 'db'), { keyEncoding: 'utf8', valueEncoding: 'view' })
  await db.del('m!sealed')
  await db.close()
}

describe('a log that takes the place of another', () => {
  const entry = (index: number) => ({ index, term: 3, type: 'normal', data: bytes(`e${index}`) }) as const
  const configuration = { voters: ['a'], outgoing: [], learners: [], learnersNext: [], autoLeave: false }

  test('leaves nothing of it, votes included, over a restart', async () => {
    const dir = await temporaryDirectory()
    const store = await openFor(dir)
    await store.raft.save({ hardState: { term: 3, vote: 'a', commit: 2 }, entries: [entry(1), entry(2)], mustSync: true })
    const stored = {
      hardState: { term: 4, vote: null, commit: 3 },
      snapshot: { index: 3, term: 4, configuration, data: bytes('state') },
      entries: [],
    }
    await store.raft.replace(stored)
    await store.stop()
    const again = await openFor(dir)
    expect(await again.raft.load()).toEqual(stored)
    await again.raft.save({ entries: [{ ...entry(4), term: 4 }], mustSync: true })
    await again.raft.replace(undefined)
    expect(await again.raft.load()).toEqual({ hardState: { term: 0, vote: null, commit: 0 }, entries: [] })
    await again.raft.save({ entries: [entry(1)], mustSync: true })
    expect((await again.raft.load())?.entries).toEqual([entry(1)])
  })
})
