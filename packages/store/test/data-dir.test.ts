import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger, systemClock, VsmcpError } from '@vsmcp/kernel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openStore, StoreCorruptError, type StoreLockedError } from '../src/index.ts'
import { bytes, put } from './compliance.ts'
import { openFor, temporaryDirectory } from './support/directory.ts'
import { runChild } from './support/run-child.ts'

async function refusal(dir: string, create = true): Promise<VsmcpError> {
  try {
    const store = await openStore({ dir, create })({ clock: systemClock, logger: silentLogger })
    await store.stop()
  } catch (error) {
    if (error instanceof VsmcpError) return error
    throw error
  }
  throw new Error(`${dir} was not refused`)
}

describe('a data directory', () => {
  test('is made with mode 0700 and says its format', async () => {
    const dir = join(await temporaryDirectory(), 'deep', 'data')
    await openFor(dir)
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    expect(await readFile(join(dir, 'format'), 'utf8')).toBe('vsmcp-data 1\n')
  })

  test('that was open to others is closed to them', async () => {
    const dir = await temporaryDirectory()
    await chmod(dir, 0o755)
    await openFor(dir)
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
  })

  test('that does not exist is refused when it must not be made, and nothing is left behind', async () => {
    const parent = await temporaryDirectory()
    expect(await refusal(join(parent, 'data'), false)).toMatchObject({ code: 'VSMCP_STORE_NOT_FOUND' })
    expect(await refusal(parent, false)).toMatchObject({ code: 'VSMCP_STORE_NOT_FOUND' })
    expect(await readdir(parent)).toEqual([])
  })

  test('of a newer format is refused with both versions and the way out, and is not touched', async () => {
    const dir = await temporaryDirectory()
    await (await openFor(dir)).stop()
    await writeFile(join(dir, 'format'), 'vsmcp-data 2\n')
    const error = await refusal(dir)
    expect(error).toMatchObject({ code: 'VSMCP_STORE_FORMAT_NEWER', details: { found: 2, supported: 1 } })
    expect(error.hint).toContain('newer release')
    expect(await readFile(join(dir, 'format'), 'utf8')).toBe('vsmcp-data 2\n')
  })

  test.each(['', 'vsmcp-data', 'vsmcp-data 0\n', 'vsmcp-data -1', 'postgres 14', '\0\0\0'])(
    'with %j for a format is refused as unknown',
    async (text) => {
      const dir = await temporaryDirectory()
      await writeFile(join(dir, 'format'), text)
      expect(await refusal(dir)).toMatchObject({ code: 'VSMCP_STORE_FORMAT_UNKNOWN' })
    },
  )

  test('with a database but no format is refused; with files of the node beside it, it is taken', async () => {
    const foreign = await temporaryDirectory()
    await mkdir(join(foreign, 'db'))
    expect(await refusal(foreign)).toMatchObject({ code: 'VSMCP_STORE_FORMAT_UNKNOWN' })
    const ours = await temporaryDirectory()
    await writeFile(join(ours, 'identity.key'), 'x')
    await openFor(ours)
  })

  test('whose making was cut short by a crash is made again', async () => {
    const dir = await temporaryDirectory()
    await (await openFor(dir)).stop()
    await rm(join(dir, 'format'))
    await writeFile(join(dir, 'creating'), '')
    await openFor(dir)
    expect(await readdir(dir)).not.toContain('creating')
  })

  test('whose database was lost is refused as damaged, never begun anew: that would be a voter without memory', async () => {
    const dir = await temporaryDirectory()
    const store = await openFor(dir)
    await store.raft.save({ hardState: { term: 1, vote: 'a', commit: 0 }, entries: [], mustSync: true })
    await store.stop()
    await rm(join(dir, 'db'), { recursive: true })
    expect(await refusal(dir)).toMatchObject({ code: 'VSMCP_STORE_CORRUPT' })
    expect(await refusal(dir)).toMatchObject({ code: 'VSMCP_STORE_CORRUPT' })
  })
})

describe('a second opener', () => {
  test('is refused with the pid of the process that has the directory; the first goes on', async () => {
    const dir = await temporaryDirectory()
    const holder = runChild('hold', dir)
    expect((await holder.lines.next()).value).toBe('open')
    const error = (await refusal(dir)) as StoreLockedError
    expect(error).toMatchObject({ code: 'VSMCP_STORE_LOCKED', details: { pid: holder.process.pid } })
    expect(error.message).toContain(`process ${holder.process.pid}`)
    const exited = new Promise((resolve) => holder.process.once('exit', resolve))
    holder.process.stdin.end()
    expect(await exited).toBe(0)
    await openFor(dir)
  })

  test('in the same process is refused, too', async () => {
    const dir = await temporaryDirectory()
    const store = await openFor(dir)
    expect(await refusal(dir)).toMatchObject({ code: 'VSMCP_STORE_LOCKED', details: { pid: process.pid } })
    await store.kv('a').write([put('x', bytes(1))])
  })

  test('is refused by the database itself when the holder file is gone', async () => {
    const dir = await temporaryDirectory()
    const holder = runChild('hold', dir)
    await holder.lines.next()
    await rm(join(dir, 'holder'))
    expect(await refusal(dir)).toMatchObject({ code: 'VSMCP_STORE_LOCKED', details: { pid: null } })
  })

  test('takes over from a process that was killed', async () => {
    const dir = await temporaryDirectory()
    const holder = runChild('hold', dir)
    await holder.lines.next()
    await holder.kill()
    expect(await readdir(dir)).toContain('holder')
    await openFor(dir)
  })

  test('takes over from a killed process that its parent has not looked after yet', async () => {
    const dir = await temporaryDirectory()
    await (await openFor(dir)).stop()
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    await expect.poll(() => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')).toContain(') Z')
    await writeFile(join(dir, 'holder'), JSON.stringify({ pid, sinceMs: 0 }))
    await openFor(dir)
  })

  test.each([
    ['another process got the same pid', { pid: process.pid, startTicks: '1', sinceMs: 0 }],
    ['the machine was restarted', { pid: process.pid, bootId: '00000000-0000-0000-0000-000000000000', sinceMs: 0 }],
    ['the holder file is torn', '{"pid":1'],
    ['the holder file is not ours', [1, 2]],
  ])('takes over when %s', async (_why, holder) => {
    const dir = await temporaryDirectory()
    await (await openFor(dir)).stop()
    await writeFile(join(dir, 'holder'), typeof holder === 'string' ? holder : JSON.stringify(holder))
    await openFor(dir)
  })

  test('wins or is refused when both come at once: one of eight has it', async () => {
    const dir = await temporaryDirectory()
    const opened = await Promise.allSettled(
      Array.from({ length: 8 }, () => openStore({ dir })({ clock: systemClock, logger: silentLogger })),
    )
    const stores = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    onTestFinished(async () => {
      for (const store of stores) await store.stop()
    })
    expect(stores).toHaveLength(1)
    const reasons: unknown[] = opened.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    for (const reason of reasons) expect(reason).toMatchObject({ code: 'VSMCP_STORE_LOCKED' })
  })
})

describe('a damaged database', () => {
  /** Closes with everything in the log file, flips one byte of it or of the other files. */
  async function damage(dir: string, pattern: RegExp, change: (content: Uint8Array) => Uint8Array): Promise<void> {
    const files = (await readdir(join(dir, 'db'))).filter((name) => pattern.test(name))
    expect(files).not.toEqual([])
    for (const name of files) {
      const file = join(dir, 'db', name)
      await writeFile(file, change(await readFile(file)))
    }
  }

  async function filled(): Promise<string> {
    const dir = await temporaryDirectory()
    const store = await openFor(dir)
    for (let index = 1; index <= 40; index++) {
      const data = new Uint8Array(2_000).map((_, at) => (at * index) % 251)
      await store.raft.save({ entries: [{ index, term: 1, type: 'normal', data }], mustSync: true })
    }
    await store.stop()
    return dir
  }

  test('is refused with a clear error when its manifest is rubbish', async () => {
    const dir = await filled()
    await damage(dir, /^(MANIFEST|CURRENT)/, () => new TextEncoder().encode('rubbish'))
    const error = await refusal(dir)
    expect(error).toMatchObject({ code: 'VSMCP_STORE_CORRUPT' })
    expect(error.hint).toContain('join again')
  })

  test('is never read as a shorter log when a save in the middle of it is lost', async () => {
    const dir = await filled()
    await damage(dir, /\.log$/, (content) => content.fill(0x55, 40_000, 41_000))
    await expect(openFor(dir).then((store) => store.raft.load())).rejects.toThrow(StoreCorruptError)
  })

  test('is refused by checksum when stored bytes were changed', async () => {
    const dir = await filled()
    // Opening moves the log into a table, so that the next change is met by a read and not by the replay of the log.
    await (await openFor(dir)).stop()
    await damage(dir, /\.ldb$/, (content) => content.fill(0x55, 2_000, 2_010))
    await expect(openFor(dir).then((store) => store.raft.load())).rejects.toThrow(StoreCorruptError)
  })
})
