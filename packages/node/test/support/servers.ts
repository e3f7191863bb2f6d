import { fileURLToPath } from 'node:url'
import type { AttachRequest } from '../../src/system1/contract.ts'

const FIXTURES = new URL('../../../mcp/test/fixtures/', import.meta.url)

/** A real MCP server as a person would attach it. */
export function attach(name: string, fixture: string, args: string[] = [], change: Partial<AttachRequest> = {}): AttachRequest {
  const command = process.execPath
  const source = {
    kind: 'stdio',
    command,
    args: [fileURLToPath(new URL(`${fixture}.ts`, FIXTURES)), ...args],
    env: {},
    cwd: '/',
  } as const
  return { name, source: { ...source, args: [...source.args] }, startTimeoutMs: 20_000, replace: false, ...change }
}
