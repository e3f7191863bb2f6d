import { describe, expect, it } from 'vitest'
import { BusyError, Emitter, RemoteError, toErrorShape } from '../src/index.ts'

describe('toErrorShape', () => {
  it('carries code, message and hint of our own errors', () => {
    expect(toErrorShape(new BusyError('the queue is full', { hint: 'Try again.' }))).toEqual({
      code: 'VSMCP_BUSY',
      message: 'the queue is full',
      hint: 'Try again.',
    })
  })

  it('calls everything else internal and never leaks more than the message', () => {
    expect(toErrorShape(Object.assign(new Error('boom'), { secret: 'x' }))).toEqual({ code: 'VSMCP_INTERNAL', message: 'boom' })
    expect(toErrorShape('text')).toEqual({ code: 'VSMCP_INTERNAL', message: 'text' })
  })

  it('keeps the code the remote handler gave apart from its own', () => {
    const error = new RemoteError('VSMCP_UNIT_BUSY', 'too many calls')
    expect([error.code, error.remoteCode]).toEqual(['VSMCP_REMOTE', 'VSMCP_UNIT_BUSY'])
  })
})

describe('Emitter', () => {
  it('runs the other listeners when one throws, and reports the error', () => {
    const errors: unknown[] = []
    const seen: string[] = []
    const emitter = new Emitter<{ 'thing:done': string }>((error) => errors.push(error))
    emitter.on('thing:done', () => {
      throw new Error('bad listener')
    })
    const off = emitter.on('thing:done', (payload) => seen.push(payload))
    emitter.emit('thing:done', 'one')
    off()
    emitter.emit('thing:done', 'two')
    expect(seen).toEqual(['one'])
    expect(errors).toHaveLength(2)
  })
})
