/** The words of the algedonic channel, as an organ feels them and as the docket keeps them. Good news is an alert, too. */
export const FEELINGS = ['pain', 'pleasure'] as const
export type Feeling = (typeof FEELINGS)[number]

/** From the least to the most severe. */
export const SEVERITIES = ['low', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** Who feels: an organ of the node, a client of its MCP endpoint, a person at its command. */
export const ORIGINS = ['organ', 'client', 'person'] as const
export type Origin = (typeof ORIGINS)[number]

/** Whether the first is more severe. */
export function isWorse(a: Severity, b: Severity): boolean {
  return SEVERITIES.indexOf(a) > SEVERITIES.indexOf(b)
}
