import type { Entry, MemberChange, StoredRaft } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { ask } from './attempt.ts'
import { reconfigure } from './deeds.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'
import type { Fault, Happening } from './plan.ts'

type Perform<K extends Fault['kind']> = (life: Life, fault: Extract<Fault, { kind: K }>) => void

const PERFORM: { readonly [K in Fault['kind']]: Perform<K> } = {
  weather: (life, { weather }) => {
    life.network.weather = weather
  },
  partition,
  pause: (life, { whom, forMs }) => {
    const host = life.resolve(whom)
    if (host === undefined || host.paused) return
    host.pause()
    const { life: lived } = host
    life.after(forMs, () => {
      if (host.life === lived) host.resume()
    })
  },
  crash: (life, { whom, torn, told, forMs }) => {
    const host = life.resolve(whom)
    if (host === undefined) return
    crash(life, host, torn, told)
    life.after(forMs, () => life.restart(host))
  },
  restore,
  clone,
  rogue,
  slander: (life, { whom, victim }) => {
    const [liar, accused] = [life.resolve(whom), life.resolve(victim)]
    if (liar === undefined || accused === undefined || liar.id === accused.id) return
    for (const { id } of life.mesh.hosts) {
      const incarnation = life.mesh.presence(liar).view.member(accused.id)?.incarnation ?? 0
      const forged = { peer: accused.id, state: 'alive', incarnation: 2_000_000_000, firstHand: true } as const
      const lie = { peer: accused.id, state: 'suspect', incarnation: Math.max(0, incarnation), firstHand: true } as const
      for (const rumor of [lie, forged]) life.mesh.sendPresence(liar, id, { type: 'gossip', rumors: [rumor] })
    }
  },
  'clock-leap': (life, { whom, aheadMs }) => {
    const host = life.resolve(whom)
    host?.clock.leap(aheadMs)
    host?.input(() => {})
  },
  'clock-drift': (life, { whom, rate }) => {
    const host = life.resolve(whom)
    host?.clock.setRate(rate, life.nowMs)
    host?.input(() => {})
  },
  'wall-leap': (life, { whom, byMs }) => life.resolve(whom)?.clock.leapWall(byMs),
  'slow-disk': (life, { whom, diskMs, forMs }) => {
    const host = life.resolve(whom)
    if (host === undefined) return
    life.diskMaxMs.set(host.key, diskMs)
    life.after(forMs, () => life.diskMaxMs.delete(host.key))
  },
  flap: (life, { whom, told }) => {
    const host = life.resolve(whom)
    if (host === undefined) return
    for (const other of life.mesh.hosts) {
      if (other !== host && other.up) life.mesh.close(host, other, { a: (told & 1) === 1, b: (told & 2) === 2 })
    }
  },
  stampede: (life, { whom, eager }) => {
    const gone = life.resolve(whom)
    if (gone === undefined) return
    const crowd = life.mesh.hosts.filter((host, at) => host !== gone && host.up && ((eager >> at) & 1) === 1)
    for (const host of crowd) host.input((raft) => raft.connectionClosed(gone.id))
    for (const host of crowd) if (life.dice.chance(0.5)) host.input((raft) => raft.campaign())
    for (const host of crowd) if (life.dice.chance(0.7)) host.input((raft) => raft.connectionOpened(gone.id))
  },
  recover: startEpochs,
  ambush: (life, { whom, wanted, near, forMs }) => {
    const leader = life.resolve(whom)
    if (leader === undefined || !leader.leads || leader.paused) return
    life.ambushes.set(leader.key, () => {
      const { hosts } = life.mesh
      const inside = hosts.filter((host, at) => host === leader || ((near >> at) & 1) === 1)
      cut(
        life,
        inside,
        hosts.filter((host) => !inside.includes(host)),
        { oneWay: false, forMs },
      )
    })
    reconfigure(life, leader, { wanted, alone: false })
  },
}

export function isFault(what: Happening): what is Fault {
  return Object.hasOwn(PERFORM, what.kind)
}

export function performFault(life: Life, fault: Fault): void {
  ;(PERFORM[fault.kind] as (life: Life, fault: Fault) => void)(life, fault)
}

/** The process dies; of its unsynced writes some are on disk when they were `torn`, none otherwise. */
export function crash(life: Life, host: Host, torn: boolean, told: boolean): void {
  host.crash((count) => (torn ? life.dice.upTo(count) : 0))
  life.watch.forget(host)
  life.mesh.closeAll(host, told)
}

function partition(life: Life, { whom, others, oneWay, noticedMs, forMs }: Extract<Fault, { kind: 'partition' }>): void {
  const first = life.resolve(whom)
  if (first === undefined) return
  const { hosts } = life.mesh
  const inside = new Set([first])
  for (let i = 0; i < others; i++) {
    const other = hosts[life.dice.upTo(hosts.length - 1)]
    if (other !== undefined) inside.add(other)
  }
  const [here, there] = life.dice.chance(0.5)
    ? [[...inside], hosts.filter((host) => !inside.has(host))]
    : [hosts.filter((host) => !inside.has(host)), [...inside]]
  const lines = cut(life, here, there, { oneWay, forMs })
  if (noticedMs !== undefined && noticedMs < forMs) {
    life.after(noticedMs, () => {
      for (const [a, b] of lines) life.mesh.close(a, b, { a: life.dice.chance(0.7), b: life.dice.chance(0.7) })
    })
  }
}

/** @returns the lines that carry nothing for so long */
function cut(
  life: Life,
  here: readonly Host[],
  there: readonly Host[],
  { oneWay, forMs }: { readonly oneWay: boolean; readonly forMs: number },
): readonly (readonly [Host, Host])[] {
  const lines = here.flatMap((a) => there.map((b) => [a, b] as const))
  for (const [a, b] of lines) {
    life.network.cut(a.key, b.key)
    if (!oneWay) life.network.cut(b.key, a.key)
  }
  life.after(forMs, () => {
    for (const [a, b] of lines) {
      life.network.mend(a.key, b.key)
      life.network.mend(b.key, a.key)
    }
  })
  return lines
}

/** Some are switched off for a while, and a person who takes them for lost starts the next epoch, or two do without knowing of each other. */
function startEpochs(life: Life, { whom, rival, lost, forMs }: Extract<Fault, { kind: 'recover' }>): void {
  const chosen = [life.resolve(whom), rival === undefined ? undefined : life.resolve(rival)]
  const survivors = new Set(chosen.filter((host) => host !== undefined && isWhole(life, host)))
  if (survivors.size === 0) return
  for (const [at, host] of life.mesh.hosts.entries()) {
    const isLost = ((lost >> at) & 1) === 1
    if (!host.up || (!isLost && !survivors.has(host))) continue
    crash(life, host, false, true)
    if (!survivors.has(host)) life.after(forMs, () => life.restart(host))
  }
  for (const host of survivors) {
    if (host === undefined) continue
    life.epochs.recover(host)
    life.after(life.dice.upTo(300), () => life.restart(host))
  }
}

/** Nobody recovers on a copy, on one that works for somebody else, or on one that is about to go. */
export function isWhole(life: Life, { key, id }: Host): boolean {
  return key === id && life.lasts(id) && !life.leaving.has(id) && !life.evicting.has(id)
}

/** The identity's directory is put back to the backup. Its seal does not fit any more, so what starts on it never votes. */
function restore(life: Life, { whom }: Extract<Fault, { kind: 'restore' }>): void {
  const host = life.resolve(whom)
  const backup = host === undefined ? undefined : life.backups.get(host.key)
  if (host === undefined || backup === undefined || host.key !== host.id || !canSpare(life, host.id)) return
  life.tainted.add(host.id)
  discard(life, host)
  const restored = life.start(host.id, { ...backup, mayVote: false })
  life.say(() => `${restored.key} runs on the directory of ${host.key} as it was`)
}

/** A copy of the directory runs elsewhere, under the same identity. */
function clone(life: Life, { whom, forMs }: Extract<Fault, { kind: 'clone' }>): void {
  const host = life.resolve(whom)
  if (host === undefined || host.key !== host.id || life.mesh.hostsOf(host.id).length > 1) return
  const copy = life.start(host.id, { stored: host.disk.copy(), chain: host.chain, mayVote: false })
  life.after(forMs, () => discard(life, copy))
}

/** Switches a process off for good. */
export function discard(life: Life, host: Host): void {
  const at = life.mesh.hosts.indexOf(host)
  if (at === -1) return
  host.stop()
  life.mesh.closeAll(host, true)
  life.mesh.hosts.splice(at, 1)
}

/**
 * A leader goes over to somebody else: it takes forged endorsements for good and proposes voters of its own choice. Later it is
 * switched off for good.
 */
function rogue(life: Life, { whom, forMs }: Extract<Fault, { kind: 'rogue' }>): void {
  const host = life.resolve(whom)
  if (host === undefined || !host.leads || host.paused || host.key !== host.id || !canSpare(life, host.id)) return
  life.tainted.add(host.id)
  life.rogues.add(host.id)
  const { voters, learners } = host.raft.status().configuration
  const chosen = learners[0]
  const changes: MemberChange[] = [
    ...voters
      .filter((peer) => peer !== host.id)
      .slice(0, 2)
      .map((peer): MemberChange => ({ type: 'learner', peer })),
    ...(chosen === undefined ? [] : [{ type: 'voter' as const, peer: chosen }]),
  ]
  const endorsements = voters.map((peer) => ({ peer, signature: 'AAAA' }))
  ask(host, (raft) => raft.proposeConfiguration({ changes }, endorsements))
  // And it has certified at once what nobody has committed.
  const { charter } = host.state ?? {}
  if (charter !== undefined) {
    const { lastIndex: index } = host.raft.status()
    const scope = { mesh: charter.meshId, group: charter.groupId, epoch: charter.epoch, previous: undefined }
    const digests = { digestBefore: 'before', digestNow: 'now' }
    life.duties.certify(host, { kind: 'link', ...scope, index, ...digests, votersBefore: voters, votersNow: [host.id] })
  }
  life.after(forMs, () => discard(life, host))
}

/**
 * Whether a group can bear that `id` never votes again: in every configuration that some process is in, with no change under
 * way, and in those whose change is not certified yet, the others whose votes are remembered are a majority. Beyond that it
 * takes a person (rule 9).
 */
function canSpare(life: Life, id: PeerIdString): boolean {
  const lost = new Set([...life.tainted, id])
  const enough = (voters: readonly PeerIdString[]): boolean =>
    voters.length === 0 || 2 * voters.filter((peer) => !lost.has(peer)).length > voters.length
  return life.mesh.hosts.every(({ disk, raft, applied, state }) => {
    const { voters, outgoing } = raft.status().configuration
    const stored = disk.copy()
    // What is proposed and not yet written may be a change of voters, too.
    const isWriting = raft.status().lastIndex > (stored.entries.at(-1)?.index ?? stored.snapshot?.index ?? 0)
    if (outgoing.length > 0 || isWriting || hasChange(stored, applied) || !enough(voters)) return false
    return state?.pendingChanges.every(({ before, now }) => enough(before) && enough(now)) ?? true
  })
}

function hasChange({ entries }: StoredRaft, applied: number): boolean {
  return entries.some(({ type, index }: Entry) => type === 'configuration' && index > applied)
}
