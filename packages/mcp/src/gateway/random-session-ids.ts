import { randomBytes } from 'node:crypto'
import { SESSION_ID_BYTES } from './constants.ts'
import type { SessionIds } from './contract.ts'

/** For a gateway on its own. */
export const randomSessionIds: SessionIds = {
  make: () => randomBytes(SESSION_ID_BYTES).toString('base64url'),
  ownerOf: () => undefined,
}
