import { membersOf, memberText, onOneLine } from '../gateway/json-text.ts'

/** What came instead of a result. */
export interface AnswerError {
  code: number
  message: string
  /** JSON text. */
  dataJson?: string
}

/** A message of a server. JSON members that are passed on stay text. */
export type Incoming =
  | { kind: 'answer'; id: unknown; resultJson: string | undefined; error: AnswerError | undefined; value: object }
  | { kind: 'request'; id: string | number; method: string; paramsJson: string | undefined; value: object }
  | {
      kind: 'notification'
      method: string
      paramsJson: string | undefined
      params: Readonly<Record<string, unknown>>
      value: object
    }

function textOf(text: string, key: string): string | undefined {
  const found = memberText(text, membersOf(text) ?? [], key)
  return found === undefined ? undefined : onOneLine(found)
}

function readError(text: string, error: unknown): AnswerError {
  const { code, message, data } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  const read: AnswerError = {
    code: Number.isSafeInteger(code) ? (code as number) : -32603,
    message: typeof message === 'string' ? message : 'the server answered with an error of no known form',
  }
  const dataJson = data === undefined ? undefined : textOf(textOf(text, 'error') ?? '{}', 'data')
  return dataJson === undefined ? read : { ...read, dataJson }
}

/** @returns `undefined` for what is no JSON-RPC 2.0 message */
export function readIncoming(text: string): Incoming | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { jsonrpc, id, method, result, error, params } = value as Record<string, unknown>
  if (jsonrpc !== '2.0') return undefined
  if (method === undefined) {
    if (result !== undefined) return { kind: 'answer', id, resultJson: textOf(text, 'result'), error: undefined, value }
    if (error !== undefined) return { kind: 'answer', id, resultJson: undefined, error: readError(text, error), value }
    return undefined
  }
  if (typeof method !== 'string') return undefined
  if (typeof id === 'string' || typeof id === 'number')
    return { kind: 'request', id, method, paramsJson: textOf(text, 'params'), value }
  const known = typeof params === 'object' && params !== null && !Array.isArray(params) ? (params as Record<string, unknown>) : {}
  return { kind: 'notification', method, paramsJson: textOf(text, 'params'), params: known, value }
}
