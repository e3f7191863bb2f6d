import { describe, expect, it } from 'vitest'
import { parseBytes, parseMessage } from '../../src/gateway/message.ts'

describe('parseMessage', () => {
  it('keeps the params as they were written, on one line', () => {
    const message = parseMessage('{"jsonrpc":"2.0","id":7,"method":"m","params":{"n":1.0,\n"big":12345678901234567890}}')
    expect(message).toMatchObject({ kind: 'request', id: 7, method: 'm', paramsJson: '{"n":1.0, "big":12345678901234567890}' })
  })

  it('echoes an id as it was written', () => {
    expect(parseMessage('{"jsonrpc":"2.0","id":"\\u0041","method":"m"}')).toMatchObject({ idJson: '"\\u0041"' })
  })

  it.each([
    ['text that is no JSON', '{"jsonrpc":', -32700],
    ['nothing', '', -32700],
    ['a number', '5', -32600],
    ['null', 'null', -32600],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"m"}', -32600],
    ['no method', '{"jsonrpc":"2.0","id":1}', -32600],
    ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":{}}', -32600],
    ['params that are no object', '{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}', -32600],
    ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"m"}', -32600],
    ['an id with a fraction', '{"jsonrpc":"2.0","id":1.5,"method":"m"}', -32600],
    ['a member that appears twice', '{"jsonrpc":"2.0","id":1,"method":"m","method":"n"}', -32600],
    ['a param that appears twice', '{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"a","name":"b"}}', -32600],
    ['an empty batch', '[]', -32600],
    ['a batch of 101', `[${Array.from({ length: 101 }, () => '{}').join(',')}]`, -32600],
  ])('refuses %s', (_what, text, code) => {
    expect(parseMessage(text)).toMatchObject({ kind: 'invalid', error: { code, httpStatus: 400 } })
  })

  it('names the request it refuses when its id can be read', () => {
    expect(parseMessage('{"jsonrpc":"2.0","id":"x","method":"m","params":3}')).toMatchObject({ kind: 'invalid', idJson: '"x"' })
  })

  it.each([
    ['brackets without end', '['.repeat(16 * 1024 * 1024)],
    ['objects without end', '{"a":'.repeat(1_000_000)],
    ['a deep argument', `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}}`],
    ['a short deep argument', `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${'['.repeat(300)}${']'.repeat(300)}}}`],
    ['a deep element of a batch', `[{"jsonrpc":"2.0","method":"m","params":{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}}]`],
    ['a deep batch', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  ])('survives a depth bomb: %s', (_what, text) => {
    const before = process.threadCpuUsage()
    expect(parseMessage(text)).toMatchObject({ kind: 'invalid', error: { code: -32600 } })
    expect(process.threadCpuUsage(before).user / 1_000).toBeLessThan(1_000)
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(parseBytes(Buffer.from([0x7b, 0xff, 0x7d]))).toMatchObject({ kind: 'invalid', error: { code: -32700 } })
  })

  it('tells notifications, responses and batches apart', () => {
    expect(parseMessage('{"jsonrpc":"2.0","method":"n"}')).toMatchObject({ kind: 'notification', method: 'n' })
    expect(parseMessage('{"jsonrpc":"2.0","id":1,"result":{}}')).toMatchObject({ kind: 'response' })
    expect(parseMessage('[{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}]')).toMatchObject(
      {
        kind: 'batch',
        messages: [{ kind: 'notification' }, { kind: 'request', paramsJson: '{"a":1}' }],
      },
    )
  })
})
