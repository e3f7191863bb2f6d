import { messageOf, VsmcpError } from '@vsmcp/kernel'
import { REJOIN_HINT, StoreCorruptError, StoreFullError, StoreIoError } from './errors.ts'

const NO_SPACE = /no space left on device|disk quota exceeded|ENOSPC|EDQUOT/i

/** The innermost error that carries a code: level wraps what LevelDB said when opening. */
function rootOf(error: unknown): { code: string; message: string } {
  let root = error
  while (root instanceof Error && root.cause instanceof Error) root = root.cause
  const code = root instanceof Error && 'code' in root && typeof root.code === 'string' ? root.code : ''
  return { code, message: messageOf(root) }
}

/** Whether LevelDB's own lock is held by somebody. */
export function isLocked(error: unknown): boolean {
  return rootOf(error).code === 'LEVEL_LOCKED'
}

/** Says in this package's errors what the disk or LevelDB said. */
export function toStoreError(error: unknown, doing: string): VsmcpError {
  if (error instanceof VsmcpError) return error
  const { code, message } = rootOf(error)
  if (NO_SPACE.test(code) || NO_SPACE.test(message)) return fullError(doing, error)
  if (code === 'LEVEL_CORRUPTION' || /corruption/i.test(message)) {
    return new StoreCorruptError(`the database is damaged (found while ${doing}): ${message}`, {
      hint: REJOIN_HINT,
      cause: error,
    })
  }
  return new StoreIoError(`the disk failed while ${doing}: ${message}`, {
    hint: 'Check that the data directory is on a healthy, writable disk and belongs to this user.',
    cause: error,
  })
}

export function fullError(doing: string, cause?: unknown): StoreFullError {
  return new StoreFullError(`no space left on the disk while ${doing}; what was stored before is safe`, {
    hint: 'Free space on the disk of the data directory: writing resumes by itself.',
    cause,
  })
}
