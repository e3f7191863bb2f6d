import { PortTakenError } from '../errors.ts'

interface SystemError {
  code?: unknown
  port?: unknown
  address?: unknown
  message?: unknown
  cause?: unknown
  errors?: unknown
}

/** An address in use, wherever in the chain of causes it is said, as an error that names the port and the way out. */
export function explainPort(error: unknown, ports: { http: number }): unknown {
  const port = takenPort(error, 0)
  if (port === undefined) return error
  const option = port === ports.http ? '--http 127.0.0.1:PORT' : '--listen HOST:PORT'
  return new PortTakenError(`port ${port} is taken by another process`, {
    hint: `Is another node running? Choose another port with ${option}; 0 takes a free one.`,
    cause: error,
  })
}

const DEPTH_MAX = 8

function takenPort(error: unknown, depth: number): number | undefined {
  if (typeof error !== 'object' || error === null || depth > DEPTH_MAX) return undefined
  const { code, port, message, cause, errors } = error as SystemError
  const said = /EADDRINUSE.*?:(\d+)\b/.exec(String(message))?.[1]
  if (code === 'EADDRINUSE' && typeof port === 'number') return port
  if (said !== undefined) return Number(said)
  const inner = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])]
  for (const each of inner) {
    const found = takenPort(each, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}
