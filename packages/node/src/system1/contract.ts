import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import type { FallbackAnswers } from '../degradation/contract.ts'

/** How to reach an MCP server. Stays on its node; only the name and what it offers are published. */
export type UnitSource =
  | { kind: 'stdio'; command: string; args: string[]; env: Record<string, string>; cwd: string }
  | {
      kind: 'worker'
      /** Path of the module whose tools it runs. */
      module: string
      threads: number
      /** Of each thread's heap, MiB. */
      threadMemoryMb: number
      env: Record<string, string>
      cwd: string
    }
  | { kind: 'http'; url: string; headers: Record<string, string> }

/** What a unit weighs when capacity is scarce, its own bounds, and what it owes. */
export interface UnitTerms {
  /** @default 1 */
  weight?: number
  /** Calls in work at once, at the most. */
  concurrency?: number
  /** Calls begun per second, at the most. */
  ratePerS?: number
  /** 99th percentile of its latency, milliseconds. */
  targetP99Ms?: number
  /** Share of its calls that may end with an error, below 1. */
  targetErrors?: number
  /** Its calls are served when the node serves no others for want of capacity. @default false */
  essential?: boolean
}

export interface AttachRequest {
  name: UnitName
  source: UnitSource
  startTimeoutMs: number
  /** On what terms it works. @default weight 1, no bounds of its own, nothing owed */
  terms?: UnitTerms
  /** Other nodes may run the same unit, with the same definitions. @default it is this node's alone */
  replica?: boolean
  /** What its calls need of what the group has only once. @default nothing */
  claims?: { resource: string; shared: boolean }[]
  /** Answers of its read-only tools for when it cannot be asked. @default none */
  fallbacks?: FallbackAnswers
  replace: boolean
}

export interface AttachResult {
  outcome: 'attached' | 'unchanged' | 'replaced'
  unit: UnitView
}

export interface ApplyRequest {
  units: Omit<AttachRequest, 'replace'>[]
  /** Detach units of this node that are not declared. */
  prune: boolean
}

export interface ApplyResult {
  changes: {
    name: UnitName
    outcome: 'attached' | 'unchanged' | 'replaced' | 'detached' | 'failed'
    error?: { code: string; message: string; hint?: string }
  }[]
}

/** Beer's figures: calls per second, and the ratios between them; null where nothing was measured yet. */
export interface WorkView {
  actuality: number
  capability: number | null
  potentiality: number | null
  productivity: number | null
  latency: number | null
  performance: number | null
}

/** A unit's work over the last window of measurement. */
export interface UnitWorkView extends WorkView {
  /** 0 while the first window is not over, and nothing is measured. */
  windowMs: number
  queued: number
  turnedAway: number
  meanInFlight: number
  meanQueued: number
  /** What it may have in work at once, and begin per second, as its bulkhead holds it. */
  limits: { concurrency: number; ratePerS: number | null }
  /** What it owes for that, and until when it is granted; it goes on afterwards until it is granted something else. */
  grant: { owedP99Ms: number | null; owedErrors: number | null; expiresAt: string } | null
  /** What System 5 has decided of it, or those above, in place of its own terms, by which proposals or directives; null where nothing. */
  directed: {
    weight: number | null
    concurrency: number | null
    quarantined: boolean
    stopped: boolean
    proposals: string[]
  } | null
}

export interface UnitView {
  name: UnitName
  /** Node the unit lives on; a unit that several run is listed once for each. */
  node: PeerIdString
  nodeName: string
  local: boolean
  /** A server by command or URL, a module's tools in threads, or a group below this one. */
  kind: 'stdio' | 'worker' | 'http' | 'group'
  /** `differs`: one of several, and offers something else than the unit: it is not called. */
  state: 'starting' | 'ready' | 'backing-off' | 'failed' | 'stopped' | 'unreachable' | 'differs'
  /** Of one of several: its part of the calls of the node asked, beside 1 for who gets most. */
  weight?: number
  /** Last reason it is not ready, for local units. */
  reason?: string
  server?: { name: string; version: string }
  era?: 'legacy' | 'modern'
  tools: number
  resources: number
  prompts: number
  /** Measured since the unit started; absent while nothing has been heard from its node. */
  figures?: { calls: number; errors: number; inFlight: number; latencyP50Ms: number | null; latencyP99Ms: number | null }
  /** Absent before the first window is over, and for units of nodes of older versions. */
  work?: UnitWorkView
}
