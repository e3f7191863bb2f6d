import type { AttachResult } from '@vsmcp/node'
import { count } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'

/** `files: attached (secure-filesystem 1.0): 14 tools, 0 resources, 0 prompts` */
export function renderAttached({ outcome, unit }: AttachResult): string {
  const parts = [count(unit.tools, 'tool'), count(unit.resources, 'resource'), count(unit.prompts, 'prompt')]
  const server = unit.server === undefined ? '' : ` (${printableLine(`${unit.server.name} ${unit.server.version}`)})`
  return `${unit.name}: ${outcome}${server}: ${parts.join(', ')}`
}
