import { type Logger, messageOf, type SupervisionEvent, telemetry } from '@vsmcp/kernel'

const changes = telemetry('vsmcp:supervision:child')

const SAID = {
  crashed: ['error', 'a part of the node crashed'],
  ended: ['info', 'a part of the node was done'],
  restarted: ['warn', 'a part of the node was started again'],
  'start-failed': ['error', 'a part of the node did not start'],
  'stop-failed': ['error', 'a part of the node did not stop in order'],
  abandoned: ['error', 'a part of the node did not stop in time and was abandoned'],
  'gave-up': ['error', 'a supervisor of the node gave up'],
} as const satisfies Record<SupervisionEvent['type'], readonly ['info' | 'warn' | 'error', string]>

/** Writes what happens in the tree to the log, and publishes it. */
export function tellTree(logger: Logger): (event: SupervisionEvent) => void {
  return ({ type, path, error }) => {
    const [level, text] = SAID[type]
    const child = path.join('/')
    const stack = type === 'crashed' && error instanceof Error ? error.stack : undefined
    logger[level]({ child, ...(error !== undefined && { error: messageOf(error) }), ...(stack !== undefined && { stack }) }, text)
    if (changes.hasSubscribers) changes.publish({ child, change: type, ...(error !== undefined && { error: messageOf(error) }) })
  }
}
