import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootId, processStartTime } from './process-identity.ts'

const FILE_NAME = 'processes.json'
const VERSION = 1

export interface RecordedProcess {
  pid: number
  startTime: string
  name: string
}

interface RecordFile {
  version: number
  bootId: string
  processes: RecordedProcess[]
}

function isRecordedProcess(value: unknown): value is RecordedProcess {
  const { pid, startTime, name } = (value ?? {}) as Partial<RecordedProcess>
  return Number.isInteger(pid) && (pid ?? 0) > 1 && typeof startTime === 'string' && typeof name === 'string'
}

/**
 * The process groups of this node in a file, so that its next life finds those that outlived it. Written at once and
 * whole (rename), not fsynced: a crash of the machine ends the processes, too. It is the second net, under the guardian: a
 * full disk must not keep servers from starting.
 */
export class ProcessRecord {
  readonly #path: string
  readonly #bootId = bootId()
  readonly #processes = new Map<number, RecordedProcess>()
  readonly #onError: (error: unknown) => void

  constructor(directory: string, onError: (error: unknown) => void) {
    this.#onError = onError
    this.#path = join(directory, FILE_NAME)
  }

  /** Those recorded by an earlier life that are surely still the same processes. */
  survivors(): RecordedProcess[] {
    let file: Partial<RecordFile>
    try {
      file = JSON.parse(readFileSync(this.#path, 'utf8')) as Partial<RecordFile>
    } catch {
      return []
    }
    if (file.version !== VERSION || file.bootId !== this.#bootId || !Array.isArray(file.processes)) return []
    return file.processes.filter((entry) => isRecordedProcess(entry) && processStartTime(entry.pid) === entry.startTime)
  }

  add(pid: number, name: string): void {
    const startTime = processStartTime(pid)
    if (startTime === undefined) return
    this.#processes.set(pid, { pid, startTime, name })
    this.#save()
  }

  remove(pid: number): void {
    if (this.#processes.delete(pid)) this.#save()
  }

  clear(): void {
    this.#processes.clear()
    this.#try(() => rmSync(this.#path, { force: true }))
  }

  #save(): void {
    const file: RecordFile = { version: VERSION, bootId: this.#bootId, processes: [...this.#processes.values()] }
    const temporary = `${this.#path}.new`
    this.#try(() => {
      writeFileSync(temporary, JSON.stringify(file), { mode: 0o600 })
      renameSync(temporary, this.#path)
    })
  }

  #try(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#onError(error)
    }
  }
}
