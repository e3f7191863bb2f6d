import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import type { LocalNode } from './world.ts'

const SERVER = fileURLToPath(new URL('journal-server.ts', import.meta.url))

export interface Entry {
  event: 'begun' | 'ended'
  label: string
  claims?: Record<string, { epoch: number; token: number }>
  atMs: number
}

/** What journal servers wrote down, in order, as far as they came. */
export function journalOf(file: string): Entry[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry)
}

/** Calls that the servers have begun. @param label @default all */
export function begunIn(file: string, label?: string): Entry[] {
  return journalOf(file).filter((entry) => entry.event === 'begun' && (label === undefined || entry.label === label))
}

/** Attaches a server with one tool, `note`, that takes as long as it is told to, and writes down when it begins and ends. */
export async function attachJournal(node: LocalNode, unit: string, file: string, ...options: string[]): Promise<void> {
  await node.vsmcp('attach', unit, ...options, '--', process.execPath, SERVER, file)
}
