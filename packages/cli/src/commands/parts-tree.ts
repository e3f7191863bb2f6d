import type { PartView } from '@vsmcp/node'
import type { Terminal } from '../terminal/terminal.ts'
import { printableLine } from '../terminal/printable.ts'

const STATE_STYLE = {
  waiting: 'dim',
  starting: 'yellow',
  running: 'green',
  crashed: 'red',
  restarting: 'red',
  stopping: 'yellow',
  ended: 'dim',
  absent: 'dim',
} as const satisfies Record<PartView['state'], string>

/** The supervisors and parts of a node, each under the one that looks after it. */
export function renderTree(parts: readonly PartView[], terminal: Terminal): string {
  const rows = parts.map((part, at) => [
    branchOf(parts, at) + printableLine(part.path.at(-1) ?? ''),
    terminal.style(STATE_STYLE[part.state], part.state),
    part.strategy ?? part.restart,
    String(part.restarts),
    mailboxOf(part),
    part.lastError === null ? '-' : printableLine(part.lastError),
  ])
  return terminal.table(['PART', 'STATE', 'RESTART', 'RESTARTED', 'MAILBOX', 'LAST ERROR'], rows)
}

function mailboxOf({ mailbox }: PartView): string {
  if (mailbox === null) return '-'
  const { length, lengthMax, refused, dropped } = mailbox
  const lost = [...(refused > 0 ? [`${refused} refused`] : []), ...(dropped > 0 ? [`${dropped} dropped`] : [])]
  return [`${length} of ${lengthMax}`, ...lost].join(', ')
}

/** The lines that lead to it: `│  ├─ `. */
function branchOf(parts: readonly PartView[], at: number): string {
  const path = parts[at]?.path ?? []
  const hasNext = (depth: number): boolean => {
    for (const { path: next } of parts.slice(at + 1)) {
      if (next.length < depth) return false
      if (next.length === depth) return true
    }
    return false
  }
  return path
    .slice(1)
    .map((_, index) => {
      const isOwn = index === path.length - 2
      if (isOwn) return hasNext(index + 2) ? '├─ ' : '└─ '
      return hasNext(index + 2) ? '│  ' : '   '
    })
    .join('')
}
