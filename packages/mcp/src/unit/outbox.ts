import type { Writable } from 'node:stream'
import { BusyError } from '@vsmcp/kernel'
import type { Call } from './call.ts'
import { OUTBOUND_BYTES_MAX } from './constants.ts'

interface Entry {
  line: string
  call: Call | undefined
}

/**
 * Lines on their way to a server's stdin. Those of one turn leave together, and only one batch is in the pipe's hands at a
 * time: of a call that still waits here it is certain that it was not sent.
 */
export class Outbox {
  readonly #stream: Writable
  #entries: Entry[] = []
  #length = 0
  #isScheduled = false
  #isWriting = false

  constructor(stream: Writable) {
    this.#stream = stream
    // The process ending is told by its exit; a broken pipe says nothing more.
    stream.on('error', () => {})
  }

  /** @throws `BusyError` for a call when too much waits already; lines of no call are few and small */
  push(line: string, call?: Call): void {
    if (call !== undefined && this.#length + line.length > OUTBOUND_BYTES_MAX && this.#length > 0) {
      throw new BusyError('the server does not take in its requests fast enough', {
        hint: 'Nothing was sent. Try again in a moment; if it stays so, the server hangs.',
      })
    }
    this.#entries.push({ line, call })
    this.#length += line.length
    if (this.#isScheduled || this.#isWriting) return
    this.#isScheduled = true
    process.nextTick(() => this.#flush())
  }

  #flush(): void {
    this.#isScheduled = false
    if (!this.#stream.writable) return
    const entries = this.#entries
    this.#entries = []
    this.#length = 0
    let batch = ''
    for (const { line, call } of entries) {
      if (call?.isEnded === true) continue
      if (call !== undefined) call.isWritten = true
      batch += `${line}\n`
    }
    if (batch === '') return
    this.#isWriting = true
    this.#stream.write(batch, (error) => {
      this.#isWriting = false
      if (error === null || error === undefined) {
        if (this.#entries.length > 0) this.#flush()
      }
    })
  }
}
