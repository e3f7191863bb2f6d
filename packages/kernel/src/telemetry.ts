import { channel, type Channel } from 'node:diagnostics_channel'
import type { ClosureWord, Decider, EffectMetric, ProposalKind, Proposer, VerdictWord } from './proposal-words.ts'
import type { SupervisionEvent } from './supervision/child.ts'

/** `vsmcp:algedonic:alert`: something became of an alert, as this node learned it. */
export interface AlertTold {
  /** `over`: remedied; `displaced`: forgotten unremedied, for a more severe one. */
  readonly event: 'raised' | 'repeated' | 'climbed' | 'acknowledged' | 'over' | 'displaced'
  readonly id: string
  readonly feeling: 'pain' | 'pleasure'
  readonly severity: 'low' | 'high' | 'critical'
  /** Whose affair it is: its node's, the group's, or what is above the group. */
  readonly level: 'node' | 'group' | 'above'
  /** PeerId of the node that feels it. */
  readonly node: string
  readonly system: string
  readonly unit?: string
  readonly subject: string
  /** Since it was felt first, by the clocks of its node and of this one. */
  readonly sinceOnsetMs: number
}

/** `vsmcp:mcp:tool_invocation`: a client's call of a tool has ended at the node that it asked. */
export interface ToolInvocation {
  /** As the client named it. */
  readonly tool: string
  readonly era: 'legacy' | 'modern'
  readonly durationMs: number
  /** `ok`, `tool-error` (the tool answered that it failed), `error` (no answer of the tool) or `cancelled`. */
  readonly outcome: 'ok' | 'tool-error' | 'error' | 'cancelled'
  /** JSON-RPC code of an `error`. */
  readonly code?: number
  readonly traceparent?: string
}

/** `vsmcp:mcp:synthetic_answer`: a call was answered by what its unit declared for when it cannot be asked. */
export interface SyntheticAnswer {
  readonly unit: string
  /** As the server names it. */
  readonly tool: string
  /** Code of the error that the caller would have got. */
  readonly code: string
}

/** `vsmcp:system1:operation`: a request to a unit has ended at the node that hosts it. */
export interface UnitOperation {
  readonly unit: string
  /** Such as `tools/call`. */
  readonly method: string
  /** Time in the unit's queue counts. */
  readonly durationMs: number
  /** `answered`, `refused` (the server answered with an error), `not-sent`, or unanswered and why. */
  readonly outcome: 'answered' | 'refused' | 'not-sent' | 'deadline' | 'cancelled' | 'died' | 'too-large'
  /** Requests in work at the unit, this one included. */
  readonly inFlight: number
  /** Requests waiting for a place at the unit. */
  readonly queued: number
}

/** `vsmcp:decision:latency`: what this node asked of the group's System 5 has been answered, or was given up. */
export interface DecisionLatency {
  /** The operation's name in the docket, such as `unit:add`; `proposal` for a proposal, from when it was made until it was accepted or refused. */
  readonly operation: string
  readonly durationMs: number
  /** `failed`: no decision within the time allowed, or nobody to decide. */
  readonly outcome: 'decided' | 'refused' | 'failed'
}

/** `vsmcp:system3:degradation`: the node serves less from now on, or more again. */
export interface DegradationChange {
  readonly step: 'normal' | 'cached' | 'reduced' | 'essential'
  readonly before: DegradationChange['step']
  /** What asks for the step, as phrases; empty for `normal`. */
  readonly reasons: readonly string[]
}

/** `vsmcp:system5:decision`: a proposal of System 3 or 4 was decided, by the group or by this node for itself. */
export interface ProposalDecided {
  readonly id: string
  readonly level: 'node' | 'group'
  readonly from: Proposer
  readonly kind: ProposalKind
  readonly subject: string
  readonly verdict: VerdictWord
  readonly by: Decider
  /** What it was decided by, such as `policy.evidence`. */
  readonly clause: string
  /** From the proposal to the decision. */
  readonly latencyMs: number
}

/** `vsmcp:system5:closure`: what became of a directive is known. */
export interface DirectiveClosed {
  readonly id: string
  readonly level: 'node' | 'group'
  readonly kind: ProposalKind
  readonly subject: string
  readonly outcome: ClosureWord
  readonly metric: EffectMetric
  readonly goal: number
  /** Absent when nothing was measured. */
  readonly measured?: number
  readonly attempt: number
}

/** `vsmcp:supervision:child`: something happened to a part of the node or to a supervisor. */
export interface SupervisionChange {
  /** From the root, such as `node/system3/reports`. */
  readonly child: string
  readonly change: SupervisionEvent['type']
  readonly error?: string
}

/** `vsmcp:variety:calculation`: Ashby's measure was taken anew, from the events of a window. */
export interface VarietyCalculation {
  /** What the measure is of: a unit, a node, or a group with its path. */
  readonly level: 'unit' | 'node' | 'group'
  readonly name: string
  readonly windowMs: number
  /** Events counted in the window. */
  readonly events: number
  /** Entropies in bits, with the Miller–Madow correction. */
  readonly demandBits: number
  readonly responseBits: number
  /** What of the outcomes' variety remains. */
  readonly residualBits: number
}

/** `vsmcp:system4:turn`: a series that System 4 watches has changed for good, as is known one tick later. */
export interface SeriesTurn {
  /** A unit, or the group. */
  readonly subject: string
  readonly measure: string
  readonly change: 'step' | 'slope'
  /** Posterior probability of that change. */
  readonly probability: number
}

/** `vsmcp:system2:claim`: a call of a unit that claims resources may begin, or was not given what it needs. */
export interface ClaimWait {
  readonly unit: string
  /** In order of name. */
  readonly resources: readonly string[]
  readonly waitMs: number
  readonly outcome: 'granted' | 'not-granted'
  /** Fencing token of a `granted` one. */
  readonly token?: number
}

/** `vsmcp:system2:occurrence`: a scheduled run has ended at the node that ran it. */
export interface OccurrenceRun {
  readonly schedule: string
  /** When it was due, milliseconds since the Unix epoch. */
  readonly dueMs: number
  readonly attempt: number
  /** From when it was due until it began, by the node's wall clock. */
  readonly lateMs: number
  readonly durationMs: number
  readonly outcome: 'done' | 'failed' | 'unknown'
}

/** `vsmcp:system2:damping`: allocations of this node were found to swing, or have calmed down. */
export interface DampingChange {
  /** Share of a wanted change that is made from now on; 1 when nothing is damped any more. */
  readonly gain: number
  /** How often a swing was found since the node started. */
  readonly oscillations: number
}

/** `vsmcp:system3:grant`: a unit of this node may use something else from now on. */
export interface GrantChange {
  readonly unit: string
  /** Calls in work at once. */
  readonly concurrency: number
  /** Calls begun per second; null for no bound. */
  readonly ratePerS: number | null
}

/** `vsmcp:system3:exception`: a unit of this node misses a target, goes on missing it, or delivers what it owes again. */
export interface TargetException {
  readonly unit: string
  readonly metric: 'latency' | 'errors'
  readonly event: 'raised' | 'grave' | 'over'
  /** Milliseconds of the 99th percentile, or a share of calls. */
  readonly target: number
  readonly measured: number
}

/** `vsmcp:system3:synergy`: this node's calls of a unit that several nodes run go to one of these more, or less, from now on. */
export interface ProviderWeighed {
  readonly unit: string
  readonly node: string
  /** Above 0; 1 for who gets most. */
  readonly weight: number
}

/** `vsmcp:system3star:finding`: audits by this node bear out that reports are not true, or nothing is to remark any more. */
export interface AuditFinding {
  /** Absent when it is about all that the node reports. */
  readonly unit?: string
  readonly node: string
  readonly kind: 'calls' | 'errors' | 'latency' | 'definitions' | 'reports'
  readonly event: 'found' | 'over'
  readonly claimed: string
  readonly measured: string
  readonly audits: number
}

/** A record of one group came into another, or was refused there, as a member of the latter saw it. */
export interface GroupRecordTold {
  /** Id of the group that heard it. */
  readonly group: string
  /** `up`: of a child group; `down`: of the parent. */
  readonly direction: 'up' | 'down'
  /** The child that it is of, or for; empty where that could not be read. */
  readonly about: string
  /** Who brought it. */
  readonly carrier: string
  /** Why not; null when it was taken. */
  readonly refusal: string | null
  readonly bytes: number
}

/** Every event that this project publishes, by the name of its channel. docs/telemetry.md says when. */
export interface TelemetryEvents {
  'vsmcp:algedonic:alert': AlertTold
  'vsmcp:mcp:tool_invocation': ToolInvocation
  'vsmcp:system1:operation': UnitOperation
  'vsmcp:decision:latency': DecisionLatency
  'vsmcp:system2:claim': ClaimWait
  'vsmcp:system2:damping': DampingChange
  'vsmcp:system2:occurrence': OccurrenceRun
  'vsmcp:recursion:record': GroupRecordTold
  'vsmcp:supervision:child': SupervisionChange
  'vsmcp:variety:calculation': VarietyCalculation
  'vsmcp:mcp:synthetic_answer': SyntheticAnswer
  'vsmcp:system3:degradation': DegradationChange
  'vsmcp:system3:exception': TargetException
  'vsmcp:system3:grant': GrantChange
  'vsmcp:system3:synergy': ProviderWeighed
  'vsmcp:system3star:finding': AuditFinding
  'vsmcp:system4:turn': SeriesTurn
  'vsmcp:system5:closure': DirectiveClosed
  'vsmcp:system5:decision': ProposalDecided
}

export type TelemetryName = keyof TelemetryEvents

/** A channel of `node:diagnostics_channel` that knows what travels on it. */
export class TelemetryChannel<K extends TelemetryName> {
  readonly #channel: Channel

  constructor(name: K) {
    this.#channel = channel(name)
  }

  /** Whoever publishes asks first, so that nothing is measured or built for nobody. */
  get hasSubscribers(): boolean {
    return this.#channel.hasSubscribers
  }

  /** Subscribers run at once, in this turn. */
  publish(event: TelemetryEvents[K]): void {
    this.#channel.publish(event)
  }

  /**
   * A listener that throws ends the process, as `node:diagnostics_channel` does it.
   * @returns a function that ends the subscription
   */
  subscribe(listener: (event: TelemetryEvents[K]) => void): () => void {
    const onMessage = (message: unknown): void => listener(message as TelemetryEvents[K])
    this.#channel.subscribe(onMessage)
    return () => {
      this.#channel.unsubscribe(onMessage)
    }
  }
}

/** The channel of that name; two of one name are the same to subscribers. Made once, where the publisher's module is read. */
export function telemetry<K extends TelemetryName>(name: K): TelemetryChannel<K> {
  return new TelemetryChannel(name)
}
