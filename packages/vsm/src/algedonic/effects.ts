import type { HeldAlert, OverAlert } from './held.ts'
import type { Signal } from './signal.ts'

/** What the shell is to do. */
export type AlgedonicEffect =
  /** Write it down: it must survive a restart. */
  | { readonly type: 'keep'; readonly alert: HeldAlert }
  | { readonly type: 'forget'; readonly id: string }
  /** Tell System 5, at once; answer with `delivered`, `undelivered`, `closed`, `taken` or `adopted`. */
  | { readonly type: 'deliver'; readonly alert: HeldAlert }
  /** Tell System 5 that it is remedied; answer with `closed` or `undelivered`. */
  | { readonly type: 'resolve'; readonly id: string; readonly reason: string }
  /** Tell System 5 of pleasure, once; no answer is needed. */
  | { readonly type: 'note'; readonly id: string; readonly signal: Signal; readonly atMs: number }
  /** What whoever watches should see. */
  | { readonly type: 'news'; readonly event: 'raised' | 'repeated' | 'climbed'; readonly alert: HeldAlert }
  | { readonly type: 'news'; readonly event: 'over'; readonly alert: OverAlert }

/** What the shell has learned. */
export type AlgedonicInput =
  | { readonly type: 'delivered' | 'undelivered'; readonly id: string }
  /** System 5 knows it as over, or not at all. `own`: by the word of this node, which may be an earlier one that was decided late. */
  | { readonly type: 'closed'; readonly id: string; readonly reason?: string; readonly own?: boolean }
  /** System 5 gave it up for a more severe one. */
  | { readonly type: 'displaced'; readonly id: string }
  /** The id belongs to somebody else's alert. */
  | { readonly type: 'taken'; readonly id: string }
  /** System 5 has the same pain of this node under another id, from before. */
  | { readonly type: 'adopted'; readonly id: string; readonly as: string }

/** What became of a signal. */
export type Felt =
  | { readonly outcome: 'raised' | 'repeated' | 'noted'; readonly id: string; readonly effects: readonly AlgedonicEffect[] }
  | { readonly outcome: 'refused'; readonly reason: 'flood' | 'full'; readonly effects: readonly AlgedonicEffect[] }
