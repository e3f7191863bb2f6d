import { VsmcpError } from '@vsmcp/kernel'

/** Another live process has this data directory open. */
export class StoreLockedError extends VsmcpError {
  readonly code = 'VSMCP_STORE_LOCKED'
}

/** There is no data directory where one was expected. */
export class StoreNotFoundError extends VsmcpError {
  readonly code = 'VSMCP_STORE_NOT_FOUND'
}

/** A newer release wrote this data directory; this one cannot read it. */
export class StoreFormatNewerError extends VsmcpError {
  readonly code = 'VSMCP_STORE_FORMAT_NEWER'
}

/** What lies in the directory is not a data directory of this project. */
export class StoreFormatUnknownError extends VsmcpError {
  readonly code = 'VSMCP_STORE_FORMAT_UNKNOWN'
}

/** The directory is not the one that was enrolled but a copy of it, or was restored from one: as that node it must not run. */
export class StoreCopiedError extends VsmcpError {
  readonly code = 'VSMCP_STORE_COPIED'
}

/** No space (or quota) left for a write. What was acknowledged stands; reading goes on; writing resumes once there is space. */
export class StoreFullError extends VsmcpError {
  readonly code = 'VSMCP_STORE_FULL'
}

/** What to do about a damaged store. */
export const REJOIN_HINT =
  'Check the disk. Then move the data directory away and let the node join again: the mesh has what it needs.'

/** Stored bytes are not what was written: the checksum, the log's continuity or the database itself is broken. */
export class StoreCorruptError extends VsmcpError {
  readonly code = 'VSMCP_STORE_CORRUPT'
}

/** The disk refused to read or write for a reason other than space. */
export class StoreIoError extends VsmcpError {
  readonly code = 'VSMCP_STORE_IO'
}
