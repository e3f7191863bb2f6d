import { encodeGroupState } from '@vsmcp/consensus'
import { LAST_CALL_MS, RECOVERY_LOOK_MS, RECOVERY_MS } from './constants.ts'
import { setPolicies, readPolicies } from './deeds.ts'
import { InvariantBrokenError } from './errors.ts'
import { crash, discard, isWhole } from './faults.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'
import { FAIR_WEATHER } from './network.ts'

/**
 * Everything up, connected and fair: within `RECOVERY_MS` there is one leader, all members hold its log, see one another and nobody
 * else, every change is certified, and a change of the policies is decided and read. Throws `InvariantBrokenError`.
 *
 * @returns milliseconds until then
 */
export function recover(life: Life): number {
  const sinceMs = life.nowMs
  life.say(() => '* the faults end')
  life.network.mendAll()
  life.network.weather = FAIR_WEATHER
  life.leaving.clear()
  life.evicting.clear()
  life.diskMaxMs.clear()
  for (const host of life.mesh.hosts.slice()) {
    const isCopy = host.key !== host.id && !life.tainted.has(host.id)
    if (isCopy || life.rogues.has(host.id)) {
      discard(life, host)
      continue
    }
    host.clock.setRate(1, life.nowMs)
    host.resume()
    if (!host.up && host.key === host.id && life.admitted.has(host.id)) life.restart(host)
    else if (host.up) host.input(() => {})
  }
  settleEpochs(life)
  // False alarms end, too.
  for (const a of life.mesh.hosts) {
    for (const b of life.mesh.hosts) {
      if (life.network.isConnected(a.key, b.key)) a.input((raft) => raft.connectionOpened(b.id))
    }
  }
  let [written, read] = [false, false]
  let askAtMs = 0
  let lacking = ''
  let lookAtMs = 0
  const whole = life.passUntil(() => {
    if (life.nowMs < lookAtMs) return false
    lookAtMs = life.nowMs + RECOVERY_LOOK_MS
    lacking = lackingIn(life)
    if (lacking !== '') return false
    const leader = leaderOf(life)
    if (leader !== undefined && life.nowMs >= askAtMs) {
      // Whom it is asked may lose the lead before it answers: like any client, ask again.
      askAtMs = life.nowMs + LAST_CALL_MS
      if (!written) setPolicies(life, leader, { value: 7, stale: false }, (taken) => (written ||= taken))
      if (!read) readPolicies(life, leader, () => (read = true))
    }
    lacking = written && read ? '' : `a last ${written ? 'read' : 'change'} of the policies is not answered`
    return lacking === ''
  }, sinceMs + RECOVERY_MS)
  if (!whole)
    throw new InvariantBrokenError(
      'recovery',
      `${RECOVERY_MS} ms after the faults ended ${lacking} (${life.mesh.hosts.map(describeHost).join('; ')})`,
    )
  return life.nowMs - sinceMs
}

/**
 * Of epochs that were started twice a person chooses one, and goes on from there; so also where the newest one counts on voters that the epoch
 * before it has put out meanwhile: they are gone for good, and no majority is left.
 */
function settleEpochs(life: Life): void {
  const whole = life.mesh.hosts.filter((host) => isWhole(life, host))
  const epoch = Math.max(...whole.map((host) => host.epoch))
  const newest = whole.filter((host) => host.epoch === epoch)
  const areRivals =
    new Set(newest.map(({ chain }) => chain.at(-1)?.id)).size > 1 || newest.some(({ rival }) => rival !== undefined)
  for (const host of areRivals ? newest : newest.filter((each) => isForsaken(life, each))) {
    if (host.up) crash(life, host, false, true)
    const isDone = life.epochs.recover(host)
    life.restart(host)
    if (isDone) return
  }
}

/** Whether too few voters are left where a host stands, though by its own docket those that are gone are members still. */
function isForsaken({ mesh }: Life, { up, state, raft, isDeciding }: Host): boolean {
  if (!up || !isDeciding || state === undefined) return false
  const { voters, outgoing } = raft.status().configuration
  const gone = [...new Set([...voters, ...outgoing])].filter((id) => !mesh.hostsOf(id).some((host) => host.up))
  if (gone.length === 0 || !gone.every((id) => state.members.has(id))) return false
  return [voters, outgoing].some((set) => set.length > 0 && set.filter((id) => !gone.includes(id)).length <= set.length / 2)
}

function describeHost({ key, up, raft, applied, state, epoch, isDeciding }: Host): string {
  if (!up) return `${key} down`
  if (!isDeciding) return `${key} decides nothing in epoch ${epoch}`
  const { role, term, leader, lastIndex, configuration, lastRefusal } = raft.status()
  const { voters, outgoing, learners } = configuration
  const joint = outgoing.length === 0 ? '' : ` from ${outgoing.join()}`
  const waits =
    state?.pendingChanges.map(({ before, now, index }) => ` ${index} of ${before.join()} to ${now.join()} uncertified`) ?? []
  return `${key} ${role} of ${leader ?? 'nobody'} in ${epoch}/${term}, ${applied} of ${lastIndex}, voters ${voters.join()}${joint}, learners ${learners.join()}${waits.join()}${lastRefusal === undefined ? '' : `, refused ${lastRefusal}`}`
}

/** Who leads in the latest term of the latest epoch. */
function leaderOf({ mesh }: Life): Host | undefined {
  const rank = (a: Host, b: Host): number => b.epoch - a.epoch || b.raft.status().term - a.raft.status().term
  return mesh.hosts.filter((host) => host.leads).sort(rank)[0]
}

/** What the group still lacks, as the end of a sentence; empty when it is whole. */
function lackingIn(life: Life): string {
  const leader = leaderOf(life)
  if (leader?.state === undefined) return 'nobody leads'
  const { commit, lastIndex, configuration } = leader.raft.status()
  if (commit < lastIndex || leader.applied < lastIndex) return `${leader.key} has committed ${commit} of ${lastIndex}`
  if (configuration.outgoing.length > 0) return 'a change of voters is under way'
  const { members, pendingChanges } = leader.state
  if (pendingChanges.length > 0) return 'a change of voters has no certificate'
  const others = life.mesh.hosts.filter(
    (host) => host.up && host !== leader && members.has(host.id) && !life.tainted.has(host.id),
  )
  for (const host of [leader, ...others]) {
    if (host.leads && host !== leader) return `${host.key} leads, too`
    if (host.epoch !== leader.epoch) return `${host.key} is in epoch ${host.epoch} of ${leader.epoch}`
    if (host.applied !== leader.applied) return `${host.key} has applied ${host.applied} of ${leader.applied}`
    const view = lackingInView(life, host, leader.state.members.keys())
    if (view !== '') return view
  }
  // Last, for it costs most: whether they hold the same.
  const expected = encodeGroupState(leader.state)
  for (const { key, applied, state } of others) {
    if (state === undefined || !same(encodeGroupState(state), expected)) {
      throw new InvariantBrokenError('one outcome', `at ${applied} ${key} holds another state than ${leader.key}`)
    }
  }
  return ''
}

/** Everybody sees all members alive, and nobody who is none. */
function lackingInView(life: Life, host: Host, members: readonly string[]): string {
  const { view } = life.mesh.presence(host)
  for (const peer of members) {
    if (peer === host.id || life.tainted.has(peer) || !life.mesh.hostsOf(peer).some(({ up }) => up)) continue
    const state = view.member(peer)?.state ?? 'unknown'
    if (state !== 'alive') return `${host.key} sees ${peer} ${state}`
  }
  const stranger = view.members().find(({ peer, state }) => state !== 'left' && !members.includes(peer))
  return stranger === undefined ? '' : `${host.key} still sees ${stranger.peer}, which is no member`
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
