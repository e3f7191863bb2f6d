import type { Startable } from '@vsmcp/kernel'
import type { VsmcpNode } from '@vsmcp/node'

/** The part of `process` that says when to end. */
export type Endings = Pick<NodeJS.EventEmitter, 'on' | 'off'> & { exit(code: number): unknown }

export interface RunNodeInit {
  node: Pick<VsmcpNode, 'start' | 'stop' | 'stopped' | 'log' | 'contain'>
  /** Makes what serves the node's control socket: started after the node, stopped after it, so that whoever asked for the stop gets an answer. */
  server: () => Startable
  /** Called once both serve. */
  onReady: () => void
  /** Told what is going on: a signal, a fault. */
  onEvent: (text: string) => void
  process: Endings
}

/** How a run ended: what `VsmcpNode.stopped` says, or a fault that nobody caught. */
export type Ending = Awaited<VsmcpNode['stopped']>

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

/**
 * Runs a node from start to stop. The first signal stops it in order, a second one ends the process at once; an error
 * that nobody caught is told, and ends the run in order, too, since what it left behind is unknown.
 */
export async function runNode(init: RunNodeInit): Promise<Ending> {
  const { node, server, onReady, onEvent, process } = init
  const wanted = Promise.withResolvers<Ending>()
  let stopping = false
  const stop = (ending: Ending): void => {
    stopping = true
    wanted.resolve(ending)
  }
  const listeners = [
    ...Object.entries(SIGNALS).map(([signal, number]) => {
      const onSignal = (): void => {
        if (stopping) {
          process.exit(128 + number)
          return
        }
        onEvent(`${signal}: stopping; once more ends it at once`)
        stop({ reason: 'shutdown' })
      }
      return [signal, onSignal] as const
    }),
    ...['uncaughtException', 'unhandledRejection'].map((event) => {
      const onFault = (error: unknown): void => {
        // What was thrown in nobody's promise may come from anywhere: a socket's event has no part that it belongs to.
        if (event === 'unhandledRejection' && node.contain(error)) return
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
        onEvent(`${event}: ${what}`)
        node.log('error', 'an error that nobody caught', { event, error: what })
        if (!stopping) stop({ reason: 'failed', error })
      }
      return [event, onFault] as const
    }),
  ]
  for (const [event, listener] of listeners) process.on(event, listener)
  try {
    await node.start()
    const face = server()
    try {
      await face.start()
      if (!stopping) onReady()
      const ending = await Promise.race([node.stopped, wanted.promise])
      stopping = true
      await node.stop()
      return ending
    } catch (error) {
      await node.stop()
      throw error
    } finally {
      await face.stop()
    }
  } finally {
    for (const [event, listener] of listeners) process.off(event, listener)
  }
}
