import { parseDurationMs, SEVERITIES } from '@vsmcp/kernel'
import type { Charter } from '@vsmcp/consensus'
import { DEFAULT_TERMS, type Terms } from '@vsmcp/vsm'

/** Policy that sets terms: `{"node": {"high": "5s"}, "group": {"low": "8h"}}`, durations; what it does not name stays as it is. */
const ALERT_TERMS_POLICY = 'alertTerms'

/** How long each level has, by the charter's policy. What is no duration changes nothing. */
export function termsOf(charter: Charter | undefined): Terms {
  const policy = charter?.policies[ALERT_TERMS_POLICY]
  if (policy === undefined) return DEFAULT_TERMS
  const level = (name: keyof Terms): Terms['node'] => {
    const terms = { ...DEFAULT_TERMS[name] }
    for (const severity of SEVERITIES) terms[severity] = durationAt(policy, name, severity) ?? terms[severity]
    return terms
  }
  return { node: level('node'), group: level('group') }
}

function durationAt(policy: unknown, ...path: readonly string[]): number | undefined {
  let value = policy
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  if (typeof value !== 'string') return undefined
  try {
    return parseDurationMs(value)
  } catch {
    return undefined
  }
}
