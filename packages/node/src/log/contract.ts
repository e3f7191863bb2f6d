import type { UnitName } from '@vsmcp/kernel'

export interface LogsRequest {
  unit?: UnitName
  /** Only lines from then on, milliseconds since the epoch. */
  sinceMs?: number
  follow: boolean
  signal?: AbortSignal
}

export interface LogLine {
  time: string
  level: 'debug' | 'info' | 'warn' | 'error'
  msg: string
  unit?: UnitName
  fields?: Record<string, unknown>
}
