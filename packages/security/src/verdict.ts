import { VsmcpError } from '@vsmcp/kernel'

/** Either the value or the typed refusal; refusing a peer is routine, so it is not thrown. */
export type Verdict<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: VsmcpError }

export function accepted<T>(value: T): Verdict<T> {
  return { ok: true, value }
}

export function refused(error: VsmcpError): Verdict<never> {
  return { ok: false, error }
}

/** Unwraps a verdict: gives the value or throws the refusal. */
export function orThrow<T>(verdict: Verdict<T>): T {
  if (verdict.ok) return verdict.value
  throw verdict.error
}

/** Turns what `check` throws on purpose into a refusal; anything else is a defect and thrown on. */
export function verdictOf<T>(check: () => T): Verdict<T> {
  try {
    return accepted(check())
  } catch (error) {
    if (error instanceof VsmcpError) return refused(error)
    throw error
  }
}

/** The same for a check that takes time. */
export async function verdictOfAsync<T>(check: () => Promise<T>): Promise<Verdict<T>> {
  try {
    return accepted(await check())
  } catch (error) {
    if (error instanceof VsmcpError) return refused(error)
    throw error
  }
}
