/** Marks a result that no server gave, and says why, in its `_meta`. */
export const SYNTHETIC = 'vsmcp/synthetic'
export const SYNTHETIC_REASON = 'vsmcp/syntheticReason'

/** Why it was given in place of an answer; undefined for what a server gave. */
export function syntheticReasonOf({ _meta }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof _meta !== 'object' || _meta === null) return undefined
  const { [SYNTHETIC]: isSynthetic, [SYNTHETIC_REASON]: reason } = _meta as Readonly<Record<string, unknown>>
  return isSynthetic === true ? String(reason) : undefined
}
