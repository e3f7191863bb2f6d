import type { Entry, Snapshot, StoredRaft } from '@vsmcp/consensus'
import { InvalidArgumentError } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import type { RaftStorage } from '../src/index.ts'
import { openFor, temporaryDirectory } from './support/directory.ts'

const configuration: Snapshot['configuration'] = {
  voters: ['a', 'b', 'c'],
  outgoing: [],
  learners: ['d'],
  learnersNext: [],
  autoLeave: false,
}

function entry(index: number, term: number, text = `${index}/${term}`): Entry {
  return { index, term, type: 'normal', data: new TextEncoder().encode(text) }
}

function entries(from: number, to: number, term: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term))
}

function snapshot(index: number, term: number): Snapshot {
  return { index, term, configuration, data: new Uint8Array([index % 256, 1, 2]) }
}

async function freshLog(): Promise<{ raft: RaftStorage; reopened: () => Promise<StoredRaft | undefined> }> {
  const dir = await temporaryDirectory()
  const store = await openFor(dir)
  return {
    raft: store.raft,
    reopened: async () => {
      await store.stop()
      return (await openFor(dir)).raft.load()
    },
  }
}

describe('the consensus log', () => {
  test('is undefined before the first save', async () => {
    const { raft } = await freshLog()
    expect(await raft.load()).toBeUndefined()
  })

  test('gives back hard state, entries and snapshot as they were saved, after reopening too', async () => {
    const { raft, reopened } = await freshLog()
    const hardState = { term: 2, vote: '12D3KooWx', commit: 4 }
    await raft.save({ snapshot: snapshot(3, 1), entries: [], mustSync: true })
    await raft.save({ hardState, entries: entries(4, 9, 2), mustSync: true })
    const expected = { hardState, entries: entries(4, 9, 2), snapshot: snapshot(3, 1) }
    expect(await raft.load()).toEqual(expected)
    expect(await reopened()).toEqual(expected)
  })

  test('keeps a null vote apart from none, and an empty hard state for a log saved without one', async () => {
    const { raft } = await freshLog()
    await raft.save({ entries: entries(1, 1, 1), mustSync: true })
    expect((await raft.load())?.hardState).toEqual({ term: 0, vote: null, commit: 0 })
  })

  test('replaces every stored entry from the first saved one on', async () => {
    const { raft, reopened } = await freshLog()
    await raft.save({ entries: entries(1, 10, 1), mustSync: true })
    await raft.save({ entries: entries(6, 7, 2), mustSync: false })
    expect((await reopened())?.entries).toEqual([...entries(1, 5, 1), ...entries(6, 7, 2)])
  })

  test('drops the whole log for a snapshot, then takes the entries saved with it', async () => {
    const { raft, reopened } = await freshLog()
    await raft.save({ entries: entries(1, 50, 1), mustSync: true })
    await raft.save({ snapshot: snapshot(20, 3), entries: entries(21, 22, 3), mustSync: true })
    expect(await reopened()).toMatchObject({ entries: entries(21, 22, 3), snapshot: snapshot(20, 3) })
  })

  test('compacts up to an index and keeps later entries, those before the snapshot included', async () => {
    const { raft, reopened } = await freshLog()
    await raft.save({ entries: entries(1, 50, 1), mustSync: true })
    await raft.compact(30, snapshot(40, 1))
    expect(await reopened()).toMatchObject({ entries: entries(31, 50, 1), snapshot: snapshot(40, 1) })
  })

  test('goes on after everything was compacted', async () => {
    const { raft, reopened } = await freshLog()
    await raft.save({ entries: entries(1, 5, 1), mustSync: true })
    await raft.compact(5, snapshot(5, 1))
    await raft.save({ entries: entries(6, 6, 2), mustSync: true })
    expect(await reopened()).toMatchObject({ entries: entries(6, 6, 2), snapshot: snapshot(5, 1) })
  })

  test('refuses entries that leave a hole, are out of order, or lie under the snapshot; nothing changes', async () => {
    const { raft } = await freshLog()
    await raft.save({ snapshot: snapshot(3, 1), entries: entries(4, 6, 1), mustSync: true })
    for (const wrong of [entries(8, 9, 1), [entry(7, 1), entry(9, 1)], entries(2, 2, 1)]) {
      await expect(raft.save({ entries: wrong, mustSync: true })).rejects.toThrow(InvalidArgumentError)
    }
    await expect(raft.compact(6, snapshot(5, 1))).rejects.toThrow(InvalidArgumentError)
    await expect(raft.compact(7, snapshot(7, 1))).rejects.toThrow(InvalidArgumentError)
    expect((await raft.load())?.entries).toEqual(entries(4, 6, 1))
  })

  test('takes saves that were not awaited in their order, with few fsyncs', async () => {
    const dir = await temporaryDirectory()
    const store = await openFor(dir)
    const hardState = { term: 1, vote: null, commit: 0 }
    await Promise.all(
      entries(1, 400, 1).map((one) =>
        store.raft.save({ hardState: { ...hardState, commit: one.index }, entries: [one], mustSync: true }),
      ),
    )
    const loaded = await store.raft.load()
    expect(loaded?.entries).toEqual(entries(1, 400, 1))
    expect(loaded?.hardState.commit).toBe(400)
    expect(store.stats().syncs).toBeLessThan(10)
  })
})
