/**
 * A component with a life. After `start` resolves it does its whole work; after `stop` resolves it holds nothing. Under a supervisor it
 * is started again after a stop, unless its docs say that it starts once: then it begins with what it wrote down, and with what those
 * around it say now, not with what it made of that before.
 */
export interface Startable {
  start(): Promise<void>
  stop(): Promise<void>
}
