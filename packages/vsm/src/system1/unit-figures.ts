/**
 * What System 1 reports of an operation, whatever its level: an attached server, a node, a group. Rates are calls per second.
 *
 * S. Beer, Brain of the Firm (2nd ed., 1981), ch. 11: actuality is what we manage to do now, under existing constraints; capability
 * what we could do now, still under existing constraints, if we really worked at it; potentiality what we ought to be doing by
 * developing our resources and removing constraints, within the bounds of what is known to be feasible.
 */
export interface Achievement {
  /** Calls answered well per second of the window. */
  readonly actuality: number
  /** Null while nothing was measured. */
  readonly capability: number | null
  readonly potentiality: number | null
}

/** Beer's three ratios, each between 0 and 1; null while a figure is missing or nothing could be done. */
export interface Indices {
  /** actuality / capability */
  readonly productivity: number | null
  /** capability / potentiality */
  readonly latency: number | null
  /** actuality / potentiality, which is productivity × latency */
  readonly performance: number | null
}

export function indicesOf({ actuality, capability, potentiality }: Achievement): Indices {
  return {
    productivity: ratio(actuality, capability),
    latency: ratio(capability, potentiality),
    performance: ratio(actuality, potentiality),
  }
}

/**
 * The achievement of what is made of these operations: they work side by side, so rates add up. What one of them has never been
 * seen to do counts as nothing; the whole is unknown only where every part is.
 */
export function together(parts: readonly Achievement[]): Achievement {
  return {
    actuality: parts.reduce((sum, { actuality }) => sum + actuality, 0),
    capability: sumOf(parts.map(({ capability }) => capability)),
    potentiality: sumOf(parts.map(({ potentiality }) => potentiality)),
  }
}

function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0)
}

function ratio(part: number | null, whole: number | null): number | null {
  if (part === null || whole === null || !(whole > 0)) return null
  return Math.min(1, part / whole)
}
