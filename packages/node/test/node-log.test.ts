import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LOG_FILES_KEPT } from '../src/constants.ts'
import type { LogLine, LogsRequest } from '../src/log/contract.ts'
import { NodeLog } from '../src/log/node-log.ts'
import { emptyDirectory } from './support/group.ts'

async function openLog(directory: string, fileBytesMax?: number): Promise<NodeLog> {
  const size = fileBytesMax === undefined ? {} : { fileBytesMax }
  const log = await NodeLog.open({ directory, level: 'debug', stderr: 'off', ...size })
  onTestFinished(() => log.close())
  return log
}

async function read(log: NodeLog, request: Partial<LogsRequest> = {}): Promise<LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of log.read({ follow: false, ...request })) lines.push(line)
  return lines
}

describe('the log of a node', () => {
  it('gives back what was logged, of one unit or since a moment', async () => {
    const log = await openLog(await emptyDirectory())
    log.logger.info({ answer: 42 }, 'first')
    log.logger.child({ unit: 'files' }).error({}, 'second')
    expect(await read(log)).toMatchObject([
      { level: 'info', msg: 'first', fields: { answer: 42 } },
      { level: 'error', msg: 'second', unit: 'files' },
    ])
    expect((await read(log, { unit: 'files' })).map(({ msg }) => msg)).toEqual(['second'])
    expect(await read(log, { sinceMs: Date.now() + 1_000 })).toEqual([])
  })

  it('shows a follower each line once, past and new, until it goes or the log is closed', async () => {
    const log = await openLog(await emptyDirectory())
    for (let at = 0; at < 50; at++) log.logger.info({}, `past ${at}`)
    const stop = new AbortController()
    const seen: string[] = []
    const followed = (async () => {
      for await (const { msg } of log.read({ follow: true, signal: stop.signal })) {
        // While the past is read new lines come, which are in the file by then.
        if (seen.length < 20) log.logger.info({}, `new ${seen.length}`)
        seen.push(msg)
        if (msg === 'last') stop.abort()
        if (msg === 'new 19') log.logger.info({}, 'last')
      }
    })()
    await followed
    expect(seen).toHaveLength(71)
    expect(new Set(seen).size).toBe(71)

    const closed = read(log, { follow: true })
    await log.close()
    expect((await closed).length).toBeGreaterThan(0)
  })

  it('keeps so many files of bounded size, and reads over them in order', async () => {
    const directory = await emptyDirectory()
    const fileBytesMax = 8 * 1024
    const log = await openLog(directory, fileBytesMax)
    const lines = 1_000
    const written = async (): Promise<number[]> => (await read(log)).map(({ fields }) => Number(fields?.['at']))
    for (let at = 0; at < lines; at++) {
      log.logger.info({ at, filling: 'x'.repeat(80) }, 'line')
      // Rotation is between writes; a disk that is slow to take a line does not hold the reader up.
      if (at % 20 === 0 || at === lines - 1) await expect.poll(async () => (await written()).at(-1)).toBe(at)
    }
    const numbers = await written()
    expect(numbers).toEqual(Array.from(numbers, (_, at) => lines - numbers.length + at))
    await log.close()
    const files = await readdir(directory)
    expect(files.length).toBeLessThanOrEqual(LOG_FILES_KEPT)
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(directory, file))).size))
    // A file moves on after the write that crosses the bound.
    expect(Math.max(...sizes)).toBeLessThan(3 * fileBytesMax)
  })

  it('goes on after an earlier life that was cut off in the middle of a line', async () => {
    const directory = await emptyDirectory()
    await writeFile(
      join(directory, 'node.1.log'),
      '{"level":30,"time":"2026-01-01T00:00:00.000Z","msg":"whole"}\n{"level":30,"ti\n',
    )
    const log = await openLog(directory)
    log.logger.warn({}, 'now')
    expect((await read(log)).map(({ msg }) => msg)).toEqual(['whole', 'now'])
  })

  it('closes twice, and answers after it is closed', async () => {
    const log = await openLog(await emptyDirectory())
    log.logger.info({}, 'only')
    await log.close()
    await log.close()
    expect((await read(log, { follow: true })).map(({ msg }) => msg)).toEqual(['only'])
  })
})
