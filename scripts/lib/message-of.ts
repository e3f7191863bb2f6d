/** The text of whatever was thrown; also of an error that came from another process as a plain object, which may have no prototype. */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  return 'message' in error && typeof error.message === 'string' ? error.message : JSON.stringify(error)
}
