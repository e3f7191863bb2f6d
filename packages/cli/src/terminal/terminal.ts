import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import { systemClock } from '@vsmcp/kernel'
import { PROGRESS_AFTER_MS, PROGRESS_PERIOD_MS, TABLE_WIDTH_DEFAULT } from '../constants.ts'
import { displayWidth } from './width.ts'
import { renderTable } from './table.ts'

type Style = Parameters<typeof styleText>[0]
type Output = Writable & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

export interface TerminalInit {
  stdin: Readable
  stdout: Output
  stderr: Output
  env: Readonly<Record<string, string | undefined>>
  /** Machines read: one JSON value per answer, nothing for people. */
  json: boolean
}

/** Where answers (stdout) and remarks (stderr) go, for people or for machines. */
export class Terminal {
  readonly json: boolean
  readonly stdin: Readable
  readonly #stdout: Output
  readonly #stderr: Output
  readonly #env: TerminalInit['env']
  /** What is on the progress line now. */
  #progress = ''

  constructor(init: TerminalInit) {
    this.json = init.json
    this.stdin = init.stdin
    this.#stdout = init.stdout
    this.#stderr = init.stderr
    this.#env = init.env
  }

  get stdoutIsTerminal(): boolean {
    return this.#stdout.isTTY === true
  }

  /** One answer: JSON on a line for machines, what `render` makes of it for people. */
  answer<T>(value: T, render: (value: T) => string): void {
    this.#clearProgress()
    const text = this.json ? JSON.stringify(value) : render(value)
    if (text !== '') this.#stdout.write(`${text}\n`)
  }

  /** One line of a stream; resolves when the reader can take more. */
  async line(text: string): Promise<void> {
    if (!this.#stdout.write(`${text}\n`)) await once(this.#stdout, 'drain')
  }

  /** A remark for people, on stderr: machines do not get it. */
  remark(text: string): void {
    if (this.json) return
    this.#clearProgress()
    this.#stderr.write(`${text}\n`)
  }

  warn(text: string): void {
    this.remark(`${this.errStyle('yellow', 'warning:')} ${text}`)
  }

  /** For stderr, whoever reads. */
  error(text: string): void {
    this.#clearProgress()
    this.#stderr.write(`${text}\n`)
  }

  /** Styles text for stdout, where colours are wanted. */
  style(style: Style, text: string): string {
    return this.#coloured(this.#stdout) ? styleText(style, text, { validateStream: false }) : text
  }

  /** Likewise for stderr. */
  errStyle(style: Style, text: string): string {
    return this.#coloured(this.#stderr) ? styleText(style, text, { validateStream: false }) : text
  }

  table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
    // A pipe gets whole lines; a person a table that fits.
    const width = this.stdoutIsTerminal ? (this.#stdout.columns ?? TABLE_WIDTH_DEFAULT) : undefined
    return renderTable(headings, rows, { width, heading: (text) => this.style('bold', text) })
  }

  /**
   * Awaits work; when it takes over a second, people see what is going on, and on a terminal for how long, or what
   * `detail` says.
   */
  async during<T>(what: string, work: Promise<T>, detail: () => string = () => ''): Promise<T> {
    if (this.json) return work
    const began = systemClock.monotonicMs()
    const show = (): void => {
      const seconds = Math.floor((systemClock.monotonicMs() - began) / 1_000)
      const more = detail()
      if (this.#stderr.isTTY === true) this.#showProgress(`${what} … ${seconds} s${more === '' ? '' : `  ${more}`}`)
    }
    let ticking = { cancel(): void {} }
    const first = systemClock.after(PROGRESS_AFTER_MS, () => {
      if (this.#stderr.isTTY !== true) this.#stderr.write(`${what} …\n`)
      show()
      ticking = systemClock.every(PROGRESS_PERIOD_MS, show)
    })
    try {
      return await work
    } finally {
      first.cancel()
      ticking.cancel()
      this.#clearProgress()
    }
  }

  #showProgress(text: string): void {
    const blank = ' '.repeat(Math.max(0, displayWidth(this.#progress) - displayWidth(text)))
    this.#stderr.write(`\r${text}${blank}`)
    this.#progress = text
  }

  #clearProgress(): void {
    if (this.#progress === '') return
    this.#stderr.write(`\r${' '.repeat(displayWidth(this.#progress))}\r`)
    this.#progress = ''
  }

  /** https://no-color.org: any value but an empty one turns colours off. FORCE_COLOR turns them on for a pipe. */
  #coloured(stream: Output): boolean {
    const { NO_COLOR, FORCE_COLOR, TERM } = this.#env
    if (this.json || (NO_COLOR !== undefined && NO_COLOR !== '')) return false
    if (FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0') return true
    return stream.isTTY === true && TERM !== 'dumb'
  }
}
