import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateOperatorKey, loadOperatorKey, operatorKeyFromProtobuf, saveOperatorKey } from '../src/index.ts'
import { codeOf } from './fixtures.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vsmcp-operator-'))
})
afterAll(() => rm(directory, { recursive: true }))

test('an operator key is written for its owner only, read back, and never overwritten', async () => {
  const file = join(directory, 'operator.key')
  const key = generateOperatorKey()
  await saveOperatorKey(file, key)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await loadOperatorKey(file)).publicKeyText).toBe(key.publicKeyText)
  await expect(saveOperatorKey(file, generateOperatorKey()).catch(codeOf)).resolves.toBe('KEY_EXISTS')
  await chmod(file, 0o640)
  await expect(loadOperatorKey(file).catch(codeOf)).resolves.toBe('KEY_EXPOSED')
  await expect(loadOperatorKey(join(directory, 'none')).catch(codeOf)).resolves.toBe('KEY_MISSING')
})

test('its private half is in neither JSON nor what a debugger prints', () => {
  const key = generateOperatorKey()
  const secret = Buffer.from(key.privateKeyProtobuf.subarray(4, 36))
  for (const text of [JSON.stringify(key), inspect(key, { depth: 9, showHidden: true })]) {
    expect(text).not.toContain(secret.toString('hex'))
    expect(text).not.toContain(secret.toString('base64url'))
  }
  expect(operatorKeyFromProtobuf(key.privateKeyProtobuf).publicKeyText).toBe(key.publicKeyText)
})
