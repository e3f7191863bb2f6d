/** Which organs a world has. */
export interface Organs {
  /** System 2: claims on what is fought over, and damping. */
  readonly coordination: boolean
  /** System 3 at all: grants, targets, routing by what was measured. */
  readonly control: boolean
  /** System 3 bargains anew; else its first grants stand for good. */
  readonly bargaining: boolean
  /** System 3*. */
  readonly auditing: boolean
  /** System 4's forecasts; else capacity is asked for by what is. */
  readonly forecasting: boolean
  readonly algedonic: boolean
  /** A group for each site, and one of groups; else one group of all nodes. */
  readonly recursion: boolean
}

const WHOLE: Organs = {
  coordination: true,
  control: true,
  bargaining: true,
  auditing: true,
  forecasting: true,
  algedonic: true,
  recursion: true,
}

const NONE: Organs = {
  coordination: false,
  control: false,
  bargaining: false,
  auditing: false,
  forecasting: false,
  algedonic: false,
  recursion: false,
}

export const VARIANTS = {
  whole: WHOLE,
  'without System 2': { ...WHOLE, coordination: false },
  "without 3's re-bargaining": { ...WHOLE, bargaining: false },
  'without 3*': { ...WHOLE, auditing: false },
  "without 4's forecasts": { ...WHOLE, forecasting: false },
  'without algedonic': { ...WHOLE, algedonic: false },
  'without recursion': { ...WHOLE, recursion: false },
  'flat (none)': NONE,
} as const satisfies Record<string, Organs>
export type VariantName = keyof typeof VARIANTS
