import { InvalidArgumentError } from '@vsmcp/kernel'
import { ConfigurationRefusedError, NotEndorsedError } from '../errors.ts'
import {
  changedConfiguration,
  checkedChange,
  type Configuration,
  type ConfigurationChange,
  configurationAfter,
  encodeConfigurationStep,
  isJoint,
  isVoter,
  membersOf,
} from './configuration.ts'
import type { Core } from './core.ts'
import { changesVoters, type Endorsement, flawOfChange } from './endorsement.ts'
import type { Entry } from './entry.ts'
import { Progress } from './progress.ts'
import { advanceCommit, appendOwn, sendAppend } from './replication.ts'
import { bestSuccessor } from './transfer.ts'

/**
 * Appends a change of voters and learners. Like every entry it takes effect when it is committed and applied, not when
 * it is appended (etcd-io/raft; safe because the next one is proposed only after that). Its endorsements are checked
 * when it is appended, here as on every follower. Throws `ConfigurationRefusedError`, `NotEndorsedError`.
 */
export function proposeChange(core: Core, change: ConfigurationChange, endorsements: readonly Endorsement[]): Entry {
  if (core.pendingConfigurationIndex > core.log.applied || isJoint(core.configuration)) {
    throw new ConfigurationRefusedError(
      'another change of configuration is under way, or this term has not committed anything yet',
      {
        hint: 'Propose it again when that is applied.',
        details: { pendingIndex: core.pendingConfigurationIndex, applied: core.log.applied },
      },
    )
  }
  const checked = checkChange(core.configuration, change)
  const votersChange = changesVoters(core.configuration, checked)
  const flaw = votersChange ? flawOfChange(core, core.configuration, core.term, checked, endorsements) : undefined
  if (flaw !== undefined) {
    throw new NotEndorsedError(`the voters have not endorsed this change of voters: ${flaw}`, {
      hint: 'A majority of the voters must see it as the leader does: ask them again.',
    })
  }
  const carried = votersChange ? endorsements : []
  const entry = appendOwn(core, 'configuration', encodeConfigurationStep({ ...checked, endorsements: carried }))
  core.pendingConfigurationIndex = entry.index
  return entry
}

/** Takes over the configuration of a committed entry that was applied. */
export function applyChange(core: Core, entry: Entry): void {
  // A snapshot installed meanwhile already contains it.
  if (entry.index <= core.configurationIndex) return
  core.configuration = configurationAfter(core.configuration, entry.data)
  core.configurationIndex = entry.index
  if (core.role === 'leader') adoptAsLeader(core)
  else if (!core.isVoter && core.role !== 'follower') core.becomeFollower(core.term, undefined)
  else if (core.isVoter !== Number.isFinite(core.electionAtMs)) core.scheduleElection()
}

/** A leader ends a joint configuration by itself, also one that a leader before it began. */
export function leaveJoint(core: Core): void {
  const { configuration, log, role } = core
  if (role !== 'leader' || !isJoint(configuration) || !configuration.autoLeave || core.pendingConfigurationIndex > log.applied)
    return
  core.pendingConfigurationIndex = appendOwn(core, 'configuration', encodeConfigurationStep('leave')).index
}

function checkChange(before: Configuration, change: ConfigurationChange): ConfigurationChange {
  try {
    const checked = checkedChange(change)
    const after = changedConfiguration(before, checked)
    const same = !isJoint(after) && sameList(after.voters, before.voters) && sameList(after.learners, before.learners)
    if (same) throw new InvalidArgumentError('the change of configuration changes nothing')
    return checked
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new ConfigurationRefusedError(error.message, { cause: error })
    throw error
  }
}

function adoptAsLeader(core: Core): void {
  const members = new Set(membersOf(core.configuration))
  for (const peer of core.progress.keys()) if (!members.has(peer)) core.progress.delete(peer)
  members.delete(core.id)
  const newcomers = [...members].filter((peer) => !core.progress.has(peer))
  for (const peer of newcomers) core.progress.set(peer, new Progress(core.log.lastIndex + 1, true))
  if (core.transfer !== undefined && !isVoter(core.configuration, core.transfer.to)) core.transfer = undefined
  if (!core.isVoter) {
    resign(core)
    return
  }
  // A smaller quorum may already hold more than the one before.
  advanceCommit(core)
  for (const peer of newcomers) {
    const progress = core.progress.get(peer)
    if (progress !== undefined) sendAppend(core, peer, progress, 'always')
  }
  core.reads.settle(core.configuration, core.id)
}

/** A leader that is no voter any more tells what is committed, names its successor, and steps back. */
function resign(core: Core): void {
  for (const [peer, progress] of core.progress) sendAppend(core, peer, progress, 'always')
  const successor = bestSuccessor(core)
  if (successor !== undefined) core.send(successor, { type: 'timeoutNow', term: core.term })
  core.becomeFollower(core.term, undefined)
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
