declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events'

  /** A SonicBoom stream that moves on to the next numbered file at its size. */
  export interface RollingFile extends EventEmitter {
    write(text: string): boolean
    flush(done: (error?: Error) => void): void
    end(): void
  }

  export default function build(options: {
    file: string
    extension?: string
    size?: string
    limit?: { count: number; removeOtherLogFiles?: boolean }
    mkdir?: boolean
    /** Bytes that are written together at the least. */
    minLength?: number
    /** Bytes that may wait to be written; beyond, what is written is dropped. */
    maxLength?: number
  }): Promise<RollingFile>
}
