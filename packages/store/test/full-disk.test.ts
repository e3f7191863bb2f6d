import { execFileSync } from 'node:child_process'
import { open, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, silentLogger, systemClock } from '@vsmcp/kernel'
import { expect, onTestFinished, test } from 'vitest'
import { openStore, StoreFullError } from '../src/index.ts'
import { temporaryDirectory } from './support/directory.ts'

const DISK_BYTES = 24 * 1024 * 1024
const MOUNTS = process.platform === 'linux' && process.getuid?.() === 0 && canMount()

/** Whether this process may mount a file system, which needs more than being root in some containers. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A real, small disk, unmounted after the test. */
async function smallDisk(): Promise<string> {
  const dir = await temporaryDirectory()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', dir])
  onTestFinished(() => {
    execFileSync('umount', [dir])
  })
  return dir
}

/** Takes all space but `leave` bytes. */
async function fill(dir: string, leave: number): Promise<string> {
  const file = join(dir, 'ballast')
  const { bavail, bsize } = await statfs(dir)
  const handle = await open(file, 'w')
  await handle.write(new Uint8Array(bavail * bsize - leave))
  await handle.close()
  return file
}

const title =
  'on a full disk a save is refused as full, all that was acknowledged is safe, and saving resumes once there is space'
test.skipIf(!MOUNTS)(MOUNTS ? title : `${title} (skipped: only root may mount a small disk)`, async () => {
  const disk = await smallDisk()
  let aheadMs = 0
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs }
  const store = await openStore({ dir: join(disk, 'data') })({ clock, logger: silentLogger })
  let stopped = false
  onTestFinished(async () => {
    if (!stopped) await store.stop()
  })
  let last = 0
  const saveNext = async (): Promise<void> => {
    const index = last + 1
    const data = new Uint8Array(10_000).fill(index)
    await store.raft.save({
      hardState: { term: 1, vote: 'a', commit: last },
      entries: [{ index, term: 1, type: 'normal', data }],
      mustSync: true,
    })
    last = index
  }
  for (let i = 0; i < 50; i++) await saveNext()

  const ballast = await fill(disk, 256 * 1024)
  await expect(
    (async () => {
      for (;;) await saveNext()
    })(),
  ).rejects.toThrow(StoreFullError)
  expect(last).toBeGreaterThan(50)
  const acknowledged = last
  expect(store.stats().refusing).toBe('full')
  // Still full: refused again, together with what is queued behind; reading goes on.
  const refused = await Promise.allSettled([
    saveNext(),
    store.kv('a').write([{ type: 'put', key: 'x', value: new Uint8Array(1) }]),
  ])
  expect(refused.map((result) => result.status)).toEqual(['rejected', 'rejected'])
  expect((await store.raft.load())?.entries).toHaveLength(acknowledged)

  await rm(ballast)
  aheadMs += 2_000
  last = (await store.raft.load())?.entries.length ?? 0
  for (let i = 0; i < 100; i++) await saveNext()
  expect(store.stats().refusing).toBeUndefined()
  await store.stop()
  stopped = true

  const again = await openStore({ dir: join(disk, 'data') })({ clock, logger: silentLogger })
  onTestFinished(() => again.stop())
  const stored = await again.raft.load()
  expect(stored?.entries.at(-1)?.index).toBe(last)
  expect(stored?.entries.every((entry) => entry.data.every((byte) => byte === entry.index % 256))).toBe(true)
})

const again = 'a database that could not be reopened at the first try is opened by whoever reads next'
test.skipIf(!MOUNTS)(MOUNTS ? again : `${again} (skipped: only root may mount a small disk)`, async () => {
  const disk = await smallDisk()
  let aheadMs = 0
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs }
  const store = await openStore({ dir: join(disk, 'data') })({ clock, logger: silentLogger })
  onTestFinished(() => store.stop())
  const kv = store.kv('a')
  const put = (bytes: number) => kv.write([{ type: 'put', key: 'x', value: new Uint8Array(bytes) }])
  await put(1)
  const ballast = await fill(disk, 256 * 1024)
  await expect(put(1024 * 1024)).rejects.toThrow(StoreFullError)
  await rm(ballast)
  // The disk is bad in another way when it is tried again: LevelDB closes and does not open.
  const current = join(disk, 'data', 'db', 'CURRENT')
  await rename(current, `${current}.away`)
  aheadMs += 2_000
  await expect(put(1)).rejects.toThrow('reopening')
  await expect(kv.get('x')).rejects.toThrow('reopening')
  await rename(`${current}.away`, current)
  aheadMs += 2_000
  expect(await Promise.all([kv.get('x'), kv.get('x')])).toEqual([new Uint8Array(1), new Uint8Array(1)])
  await put(2)
  expect(store.stats().refusing).toBeUndefined()
})
