import { describe, expect, it } from 'vitest'
import { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server'
import { LATEST_LEGACY_VERSION, LEGACY_VERSIONS } from '../../src/gateway/constants.ts'
import { Identity } from '../../src/gateway/identity.ts'
import { encodeMirrored } from '../../src/gateway/param-headers.ts'
import { decodeMirrored } from '../../src/gateway/envelope.ts'
import { toLegacyResult, toModernResult } from '../../src/gateway/results.ts'
import { withTarget } from '../../src/gateway/target.ts'

const identity = new Identity({ name: 'mesh', version: '1' })
const INFO = '"io.modelcontextprotocol/serverInfo":{"name":"mesh","version":"1"}'

describe('a result for a modern client', () => {
  it.each([
    ['tools/call', '{"content":[]}', `{"content":[],"resultType":"complete","_meta":{${INFO}}}`],
    ['tools/call', '{}', `{"content":[],"resultType":"complete","_meta":{${INFO}}}`],
    [
      'tools/call',
      '{"structuredContent":1.0 }\n',
      `{"structuredContent":1.0 ,"content":[],"resultType":"complete","_meta":{${INFO}}}`,
    ],
    ['tools/call', '{"task":{}}', `{"task":{},"resultType":"complete","_meta":{${INFO}}}`],
    ['prompts/get', '{"messages":[],"_meta":{"a":1}}', `{"messages":[],"_meta":{"a":1,${INFO}},"resultType":"complete"}`],
    ['prompts/get', '{"messages":[],"_meta":{}}', `{"messages":[],"_meta":{${INFO}},"resultType":"complete"}`],
    [
      'resources/read',
      '{"contents":[],"_meta":null}',
      '{"contents":[],"_meta":null,"resultType":"complete","ttlMs":0,"cacheScope":"private"}',
    ],
    [
      'resources/read',
      '{"contents":[],"resultType":"complete","ttlMs":5,"cacheScope":"public","_meta":{}}',
      `{"contents":[],"resultType":"complete","ttlMs":5,"cacheScope":"public","_meta":{${INFO}}}`,
    ],
    [
      'resources/read',
      '{"resultType":"input_required","requestState":"s","_meta":{}}',
      `{"resultType":"input_required","requestState":"s","_meta":{${INFO}}}`,
    ],
  ])('of %s: %s', (method, resultJson, expected) => {
    expect(toModernResult(method, { era: 'legacy', resultJson }, identity)).toBe(expected)
  })

  it('keeps the identity of the server that answered', () => {
    const resultJson =
      '{"content":[],"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"2"}}}'
    expect(toModernResult('tools/call', { era: 'modern', resultJson }, identity)).toBe(resultJson)
  })

  it('is refused when it is no object', () => {
    for (const resultJson of ['[]', '5', 'null', '']) {
      expect(() => toModernResult('tools/call', { era: 'legacy', resultJson }, identity)).toThrow(/no JSON object/)
    }
  })
})

describe('a result for a legacy client', () => {
  it('keeps everything but what is of the modern era', () => {
    const resultJson = `{"resultType":"complete","ttlMs":1,"cacheScope":"public","contents":[{"n":1.0}],"_meta":{${INFO}}}`
    expect(toLegacyResult('resources/read', { era: 'modern', resultJson }, undefined)).toBe('{"contents":[{"n":1.0}]}')
  })

  it.each([
    ['null', undefined, '{"content":[{"type":"text","text":"null"}],"structuredContent":{"result":null}}'],
    ['{"a":1}', { type: 'object' }, '{"content":[],"structuredContent":{"a":1}}'],
    ['{"a":1}', { anyOf: [] }, '{"content":[],"structuredContent":{"result":{"a":1}}}'],
  ])('wraps structured output %s under schema %j as the list does', (structured, schema, expected) => {
    const resultJson = `{"content":[],"structuredContent":${structured},"resultType":"complete"}`
    expect(toLegacyResult('tools/call', { era: 'modern', resultJson }, schema)).toBe(expected)
  })
})

describe('withTarget', () => {
  it.each([
    ['tools/call', '{"name":"u__t","arguments":{"name":"x", "n":1.0}}', '{"name":"t","arguments":{"name":"x", "n":1.0}}'],
    ['prompts/get', '{"name":"u__t"}', '{"name":"t"}'],
    ['resources/read', '{"uri":"a","_meta":{}}', '{"uri":"t","_meta":{}}'],
    [
      'completion/complete',
      '{"ref":{"type":"ref/prompt","name":"u__t"},"argument":{}}',
      '{"ref":{"type":"ref/prompt","name":"t"},"argument":{}}',
    ],
    [
      'completion/complete',
      '{"ref":{"type":"ref/resource","uri":"a"},"argument":{}}',
      '{"ref":{"type":"ref/resource","uri":"t"},"argument":{}}',
    ],
  ] as const)("of %s puts the server's own name in its place and leaves the rest", (method, paramsJson, expected) => {
    expect(withTarget(method, paramsJson, 't')).toBe(expected)
  })
})

describe('values in headers', () => {
  it.each(['us-west1', 'Hello, 世界', ' padded ', 'line1\nline2', '=?base64?literal?=', '', 'a b'])(
    'come back as they were: %j',
    (value) => {
      expect(encodeMirrored(value)).toMatch(/^[\x20-\x7e]*$/)
      expect(decodeMirrored(encodeMirrored(value))).toBe(value)
    },
  )
})

describe('the revisions served', () => {
  it('are those of the SDK', () => {
    expect(LEGACY_VERSIONS).toEqual(SUPPORTED_PROTOCOL_VERSIONS)
    expect(LATEST_LEGACY_VERSION).toBe(LATEST_PROTOCOL_VERSION)
    expect(LEGACY_VERSIONS[0]).toBe(LATEST_LEGACY_VERSION)
  })
})
