import { type Logger, type Proposal, telemetry } from '@vsmcp/kernel'

const decisions = telemetry('vsmcp:system5:decision')
const closures = telemetry('vsmcp:system5:closure')
const latencies = telemetry('vsmcp:decision:latency')

type Level = 'node' | 'group'

/** A decision, to the log and to whoever measures. @param isOwn whether System 5 of this node made it: its latency is told once in the group */
export function tellDecision(id: string, proposal: Proposal, level: Level, isOwn: boolean, logger: Logger): void {
  const { from, kind, subject, decision } = proposal
  if (decision === undefined) return
  const { verdict, by, clause, latencyMs, reason } = decision
  const told = { id, level, from, kind, subject, verdict, by, clause, latencyMs }
  logger.info({ ...told, reason }, 'a proposal was decided')
  if (decisions.hasSubscribers) decisions.publish(told)
  if (!isOwn || verdict === 'deferred' || !latencies.hasSubscribers) return
  const outcome = verdict === 'accepted' ? 'decided' : 'refused'
  latencies.publish({ operation: 'proposal', durationMs: latencyMs, outcome })
}

/** What became of a directive, likewise. */
export function tellClosure(id: string, proposal: Proposal, level: Level, logger: Logger): void {
  const { kind, subject, effect, directive, closure } = proposal
  if (directive === undefined || closure === undefined) return
  const { outcome, measured, reason } = closure
  const { metric, goal } = effect
  const seen = measured === undefined ? {} : { measured }
  const told = { id, level, kind, subject, outcome, metric, goal, ...seen, attempt: directive.attempt }
  const line = { ...told, reason }
  if (outcome === 'met') logger.info(line, 'a directive had its effect')
  else logger.warn(line, 'a directive is over without its effect')
  if (closures.hasSubscribers) closures.publish(told)
}
