import type { UnitName } from '@vsmcp/kernel'

export interface ForecastRequest {
  /** Only of this unit. @default all of this node's, and the group */
  unit?: UnitName
}

/** What System 4 watches, and what it expects. */
export interface ForecastView {
  /** Length of a tick; that of feeds is a minute. */
  tickMs: number
  /** Name of the node whose series these are. */
  nodeName: string
  series: SeriesView[]
  /** What has changed for good lately, newest last. */
  turns: TurnView[]
}

/** How probable each state of a tick is. */
export interface PosteriorView {
  'no-change': number
  step: number
  slope: number
  transient: number
}

export interface SeriesView {
  /** A unit's name, or "(group)". */
  subject: string
  measure: 'calls' | 'failures' | 'latency' | 'alive' | 'units' | 'feed'
  /** Values so far; the first forecast comes with the ninth. */
  observed: number
  last: number | null
  level: number | null
  /** Per tick. */
  slope: number | null
  /** What is expected so many ticks ahead, and the band that should hold 80 %. */
  ahead: { ahead: number; mean: number; low: number; high: number }[]
  /** What the last tick was, as far as it can be known yet. */
  current: PosteriorView
  /** What the tick before was: now a step is told from a transient. */
  settled: PosteriorView
  /** How well the forecasts of the last ticks did, against saying "as now". */
  skill: { forecasts: number; meanError: number; naiveMeanError: number; bandHeld: number } | null
}

export interface TurnView {
  at: string
  subject: string
  measure: string
  change: 'step' | 'slope'
  probability: number
  /** Level before and after. */
  from: number | null
  to: number | null
}

/** A number from outside that System 4 is to watch. */
export interface FeedRequest {
  name: string
  source: { kind: 'url'; url: string } | { kind: 'resource'; uri: string }
  /** JSON pointer (RFC 6901) to the number. @default the whole text is the number */
  pointer?: string
}

export interface FeedView extends FeedRequest {
  last: number | null
  /** Of the last value. */
  at: string | null
  /** Why the last reading failed. */
  problem: string | null
}

export interface WhatIfRequest {
  /** Names of nodes that are gone. */
  without: string[]
  /** Factor on the demand. */
  demand: number
  /** Factors on the time of service, by unit. */
  slow: Record<string, number>
  /** The same seed gives the same answer for the same measurements. */
  seed: number
}

/** A mean over simulated lives, and half the width of its 95 % confidence interval. */
export interface EstimateView {
  mean: number
  within: number
}

export interface FutureFigures {
  /** Null where every call is refused. */
  latencyP50Ms: EstimateView | null
  latencyP99Ms: EstimateView | null
  /** Share of the time that the unit's servers are in work. */
  utilisation: EstimateView | null
  /** Share of the calls. */
  refused: EstimateView
}

export interface FutureView {
  seed: number
  units: {
    unit: UnitName
    node: string
    /** Measured arrivals. */
    callsPerS: number
    /** Calls served at once, as measured or supposed. */
    servers: number
    now: FutureFigures
    later: FutureFigures
  }[]
  /** Units of which too little is known: nobody has called them, or they were never found idle. */
  unknown: UnitName[]
  /** What is supposed where nothing was seen, as sentences. */
  assumptions: string[]
  /** Nodes that did not say how their units do. */
  silentNodes: string[]
}
