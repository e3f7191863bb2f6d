import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import type { Health } from '../control/contract.ts'
import type { RecursionView } from '../seats/contract.ts'
import type { BalanceView } from '../system5/governing/contract.ts'
import type { TurnView } from '../system4/contract.ts'

/** What takes variety away from what a system meets, or adds to what it can answer. */
export interface Regulator {
  name: string
  kind: 'attenuator' | 'amplifier'
  effect: number
  /** What the effect is counted in. */
  unit: string
  what: string
}

/** Ashby's measure, in bits, of calls in a sliding window. */
export interface VarietyView {
  calls: number
  /** How many ended how. */
  outcomes: Record<string, number>
  demandBits: number
  responseBits: number
  outcomeBits: number
  /** What remains of the outcomes' variety when the response is known: only better units can take it away. */
  residualBits: number
  /** What choosing responses better would take away. */
  choosableBits: number
  /** Distinctions that callers make and the system does not. */
  unmatchedBits: number
}

export interface UnmetView {
  tool: string
  cause: 'unknown' | 'refused' | 'late'
  unit: string | null
  calls: number
  since: string
  last: string
  /** What would close it, as a sentence. */
  remedy: string
  /** Asked for often enough that the search for it begins. */
  requested: boolean
}

/** What a node knows of itself and of its group. */
export interface SelfView {
  identity: {
    node: string
    peerId: PeerIdString
    mesh: string
    meshId: MeshId
    group: string
    version: string
    /** What the group says of itself in the policy `identity`; null where it says nothing that can be read. */
    says: { name: string; purpose: string } | null
    /** What System 5 has decided, by version, and the names of its policies. */
    charterVersion: number
    policies: string[]
  }
  /** What it does. */
  does: { units: number; tools: number; toolsOfGroup: number; callsInFlight: number }
  /** How it is. */
  is: { health: Health; problems: string[]; members: { known: number; alive: number }; system5: string | null; alerts: number }
  /** What is above and below its group. */
  recursion: RecursionView
  variety: {
    windowMs: number
    node: VarietyView
    group: VarietyView
    /** Nodes whose calls are in the group's figures, and those that did not answer. */
    nodes: number
    silentNodes: number
    regulators: Regulator[]
    unmet: UnmetView[]
    /** Calls and rows of unmet demand that are beyond the bounds of the tables. */
    beyondBounds: { calls: number; unmet: number }
  }
  /** What it expects of the next tick; series that have values enough. */
  expects: { subject: string; measure: string; mean: number; low: number; high: number }[]
  /** What has changed for good lately. */
  noticed: TurnView[]
  /** What was decided, newest last, as System 5 keeps it, and why. */
  decided: { at: string; what: string; by: string; why: string }[]
  /** Systems 3 and 4 as System 5 has resourced them lately. */
  balance: BalanceView
  /** How well its own forecasts did lately, over all series; null while there are none. */
  foresight: {
    forecasts: number
    /** Mean error of the forecasts as a share of that of "as now"; below 1 is better than that. Null when the latter made none. */
    errorAgainstNaive: number | null
    /** Share of the values in the 80 % band. */
    bandHeld: number
  } | null
}
