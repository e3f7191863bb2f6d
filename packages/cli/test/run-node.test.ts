import { EventEmitter } from 'node:events'
import type { StopReason } from '@vsmcp/node'
import { describe, expect, it } from 'vitest'
import { type RunNodeInit, runNode } from '../src/up/run-node.ts'

/** A process, a node and a server that write down what happens to them. */
function stage(): {
  init: RunNodeInit
  events: string[]
  logged: unknown[]
  process: EventEmitter
  ended: (reason: StopReason) => void
  ready: Promise<void>
} {
  const events: string[] = []
  const logged: unknown[] = []
  const process = new EventEmitter()
  const stopped = Promise.withResolvers<StopReason>()
  const ready = Promise.withResolvers<void>()
  const note = (text: string) => async (): Promise<void> => void events.push(text)
  const server = { start: note('server starts'), stop: note('server stops') }
  const init: RunNodeInit = {
    node: {
      start: note('node starts'),
      stop: note('node stops'),
      stopped: stopped.promise,
      log: (level, msg, fields) => void logged.push([level, msg, fields]),
      contain: () => false,
    },
    server: () => server,
    onReady() {
      events.push('ready')
      ready.resolve()
    },
    onEvent: (text) => void events.push(text.split('\n')[0] ?? ''),
    process: Object.assign(process, { exit: (code: number) => void events.push(`exit ${code}`) }),
  }
  return { init, events, logged, process, ended: stopped.resolve, ready: ready.promise }
}

describe('a run of a node', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('ends in order on %s: the node first, then who answers for it', async (signal) => {
    const { init, events, process, ready } = stage()
    const running = runNode(init)
    await ready
    process.emit(signal)
    expect(await running).toEqual({ reason: 'shutdown' })
    const said = `${signal}: stopping; once more ends it at once`
    expect(events).toEqual(['node starts', 'server starts', 'ready', said, 'node stops', 'server stops'])
    expect(process.eventNames()).toEqual([])
  })

  it('ends at once on the second signal', async () => {
    const { init, events, process, ready } = stage()
    const stuck = Promise.withResolvers<void>()
    init.node.stop = () => stuck.promise
    const running = runNode(init)
    await ready
    process.emit('SIGINT')
    process.emit('SIGINT')
    expect(events.at(-1)).toBe('exit 130')
    stuck.resolve()
    await running
  })

  it('that is told to stop while it starts is never ready', async () => {
    const { init, events, process } = stage()
    const starting = Promise.withResolvers<void>()
    init.node.start = () => starting.promise
    const running = runNode(init)
    process.emit('SIGTERM')
    starting.resolve()
    expect(await running).toEqual({ reason: 'shutdown' })
    expect(events).not.toContain('ready')
    expect(events.slice(-2)).toEqual(['node stops', 'server stops'])
  })

  it('ends when the node does, with its reason', async () => {
    const { init, events, ended, ready } = stage()
    const running = runNode(init)
    await ready
    ended({ reason: 'left' })
    expect(await running).toEqual({ reason: 'left' })
    expect(events.at(-1)).toBe('server stops')
  })

  it.each(['uncaughtException', 'unhandledRejection'])(
    'ends in order, as failed, on %s, and leaves the error in the log',
    async (event) => {
      const { init, events, logged, process, ready } = stage()
      const running = runNode(init)
      await ready
      const error = new Error('bug')
      process.emit(event, error)
      expect(await running).toEqual({ reason: 'failed', error })
      expect(events).toContain(`${event}: Error: bug`)
      expect(logged).toEqual([['error', 'an error that nobody caught', { event, error: error.stack }]])
      expect(events.at(-1)).toBe('server stops')
    },
  )

  it('goes on after a rejection that the node contains in one part; whose an exception was nobody can know', async () => {
    const { init, events, process, ended, ready } = stage()
    const asked: unknown[] = []
    init.node.contain = (error) => asked.push(error) > 0
    const running = runNode(init)
    await ready
    process.emit('unhandledRejection', 'of a part')
    expect(events.at(-1)).toBe('ready')
    ended({ reason: 'shutdown' })
    process.emit('uncaughtException', new Error('of anybody'))
    await running
    expect(asked).toEqual(['of a part'])
  })

  it('that cannot start says why and leaves nothing running', async () => {
    const { init, events, process } = stage()
    const failing = { ...init.server(), start: () => Promise.reject(new Error('in use')) }
    init.server = () => failing
    await expect(runNode(init)).rejects.toThrow('in use')
    expect(events).toEqual(['node starts', 'node stops', 'server stops'])
    expect(process.eventNames()).toEqual([])
  })
})
