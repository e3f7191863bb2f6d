import type { IncomingMessage } from 'node:http'
import { BODY_BYTES_MAX } from './constants.ts'
import type { Quota } from './quota.ts'

/** `too-large`: beyond the cap for one body; `busy`: beyond what all bodies together may take; `gone`: the client went away. */
export type Body = Buffer | 'too-large' | 'busy' | 'gone'

/**
 * Receives a body, at most `BODY_BYTES_MAX`. What is refused is still drained, so that the client can hear the answer; the
 * server's time limit for a request ends that.
 */
export function readBody(request: IncomingMessage, bytes: Quota): Promise<Body> {
  const { promise, resolve } = Promise.withResolvers<Body>()
  const announced = request.headers['content-length']
  if (announced !== undefined && Number(announced) > BODY_BYTES_MAX) {
    request.resume()
    return Promise.resolve('too-large')
  }
  const chunks: Buffer[] = []
  let length = 0
  let isOpen = true
  const settle = (body: Body): void => {
    if (!isOpen) return
    isOpen = false
    bytes.release(length)
    resolve(body)
  }
  request.on('data', (chunk: Buffer) => {
    if (!isOpen) return
    if (length + chunk.length > BODY_BYTES_MAX) return settle('too-large')
    if (!bytes.take(chunk.length)) return settle('busy')
    length += chunk.length
    chunks.push(chunk)
  })
  request.on('end', () => settle(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)))
  request.on('error', () => settle('gone'))
  request.on('close', () => settle('gone'))
  return promise
}
