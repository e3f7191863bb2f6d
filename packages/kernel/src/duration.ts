import { InvalidArgumentError } from './errors.ts'

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Parses `30s`, `5m`, `24h`, `7d`, `250ms`. @returns milliseconds; throws `InvalidArgumentError` for anything else */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim())
  const factor = UNIT_MS[match?.[2] ?? '']
  if (match === null || factor === undefined) {
    throw new InvalidArgumentError(`"${text}" is not a duration`, {
      hint: 'Write a number and a unit: 250ms, 30s, 5m, 24h or 7d.',
    })
  }
  return Number(match[1]) * factor
}
