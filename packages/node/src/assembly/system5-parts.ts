import { FEATURE_LEVEL, isCertified } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { flawOfSnapshot, groupAuthority } from '@vsmcp/security'
import { AlertKeeping } from '../algedonic/alert-keeping.ts'
import { SessionKeys } from '../keys/session-keys.ts'
import { MemberPlane } from '../members/member-plane.ts'
import type { GroupParts } from '../parts.ts'
import { Epochs } from '../recovery/epochs.ts'
import { PlaceProofs } from '../recursion/place-proof.ts'
import { Admission } from '../system5/admission.ts'
import { Certifying } from '../system5/certifying.ts'
import { Credentials } from '../system5/credentials.ts'
import { Decisions } from '../system5/decisions.ts'
import { DelegatePapers } from '../system5/delegate-papers.ts'
import { Departure } from '../system5/departure.ts'
import { Endorsing } from '../system5/endorsement/endorsing.ts'
import type { Sees } from '../system5/endorsement/judge-voters.ts'
import { Expulsion } from '../system5/expulsion.ts'
import { Granting } from '../system5/granting.ts'
import { GroupLog } from '../system5/group-log.ts'
import { LeaderDuties } from '../system5/leader-duties.ts'
import { decodeLink } from '../system5/link-certificate.ts'
import { ClaimKeeping } from '../system2/claim-keeping.ts'
import { ScheduleCoordinator } from '../system2/schedule-coordinator.ts'
import { Timetables } from '../system2/timetables.ts'
import { NameGranting } from '../system5/name-granting.ts'
import { GroupGoverning } from '../system5/governing/group-governing.ts'
import { OrderPlane } from '../system5/order-plane.ts'
import { Renewal } from '../system5/renewal.ts'
import { signedVotes } from '../system5/signed-votes.ts'
import { Upkeep } from '../system5/upkeep.ts'
import { VoterKeeping } from '../system5/voter-keeping.ts'
import type { Assembly } from './assembly.ts'

type Connected = Pick<GroupParts, 'time' | 'standing' | 'trust' | 'mesh' | 'control' | 'members'>
type Deciding = Pick<GroupParts, 'log' | 'epochs' | 'decisions' | 'placeProofs' | 'sessionKeys'>
type AtTheDoor = Pick<GroupParts, 'credentials' | 'renewal' | 'admission' | 'granting'>
type Ruling = Pick<GroupParts, 'timetables' | 'endorsing' | 'voters' | 'duties' | 'departure' | 'expulsion'>

/** The group's decisions: the log, who is let in, and what the elected System 5 sees to. */
export function system5Parts(assembly: Assembly, connected: Connected): Deciding & AtTheDoor & Ruling {
  const deciding = decidingParts(assembly, connected)
  return { ...deciding, ...doorParts(assembly, connected, deciding), ...rulingParts(assembly, connected, deciding) }
}

/** What proofs in the docket are checked with. */
function authorityOf({ enrolment }: Assembly): ReturnType<typeof groupAuthority> {
  return groupAuthority({ firstCharter: enrolment.chain.firstCharter, decodeCertificate: decodeLink })
}

function decidingParts(assembly: Assembly, { trust, mesh, control }: Connected): Deciding {
  const { identity, enrolment, store, clock, scopes, random, logger, self, group, host, whole } = assembly
  const peers = (): PeerIdString[] => mesh.peers().map(({ peer }) => peer)
  const log = new GroupLog({
    storage: store.raft,
    control,
    self,
    clock: scopes.clock('consensus'),
    logger: logger.child({ part: 'system5' }),
    raft: { random, needsEndorsement: group.isRaised, ...signedVotes(identity, enrolment, trust) },
    authority: authorityOf(assembly),
    epoch: () => trust.chain.epoch,
    epochWritten: () => trust.written(),
    flawOfSnapshot: (snapshot, held) => flawOfSnapshot(snapshot, { chain: trust.chain, held, decodeCertificate: decodeLink }),
    mayCompact: () => trust.uncertified.length === 0 && (log.state === undefined || isCertified(log.state)),
  })
  const epochs = new Epochs({ log, trust, control, peers, nameOf: group.nameOf, clock: scopes.clock('epoch'), logger })
  const placeProofs = new PlaceProofs({
    identity,
    mesh: enrolment.meshId,
    group: enrolment.groupId,
    log,
    trust,
    control,
    memberships: host.memberships,
    chains: () => whole().records,
    clock,
    logger,
  })
  const decisions = new Decisions({ log, control, self, clock, proofs: placeProofs })
  const sessionKeys = new SessionKeys({
    kv: (namespace) => store.kv(namespace),
    identity,
    log,
    decisions,
    control,
    peers,
    clock: scopes.clock('session keys'),
    logger: logger.child({ part: 'session keys' }),
  })
  return { log, epochs, decisions, placeProofs, sessionKeys }
}

/** Who is let in, and stays in. */
function doorParts(assembly: Assembly, connected: Connected, { log, decisions }: Deciding): AtTheDoor {
  const { init, identity, clock, scopes, random, logger, self, group, host, whole } = assembly
  const { time, standing, trust, mesh, control, members } = connected
  const renewing = new MemberPlane(mesh.control, group.isServed)
  const papers = new DelegatePapers({
    mesh: assembly.enrolment.meshId,
    log,
    chainOf: (below) => whole().records.chainOf(below),
    oldestVouching: (chain, nowMs) => whole().records.oldestVouching(chain, nowMs),
    isEvictedBy: (below, peer) =>
      whole()
        .records.recursion.revocations.of(peer)
        .some(({ group: by }) => by === below),
    nowMs: () => time.nowMs(),
  })
  const credentials = new Credentials({
    identity,
    log,
    trust,
    standing,
    papers,
    control: renewing,
    clock,
    logger,
    lifeMaxMs: init.credentialLifeMs,
  })
  const renewal = new Renewal({
    self,
    log,
    trust,
    credentials,
    shown: (below) => host.hostMesh.shownOf(below),
    standing,
    control: renewing,
    peers: () => mesh.peers().map(({ peer }) => peer),
    onPeerUp: (listener) => mesh.on('peer:up', listener),
    nowMs: () => time.nowMs(),
    clock: scopes.clock('credential'),
    random,
    logger,
  })
  const admission = new Admission({
    identity,
    log,
    decisions,
    trust,
    credentials,
    papers,
    control,
    clock,
    addresses: () => mesh.listenAddresses(),
    isUp: (peer) => members.isAlive(peer),
    keepsOut: (peer, delegateOf) => whole().records.keepsOut(peer, delegateOf),
    reached: () => {
      const dialled = mesh.peers().filter(({ direction, relayed }) => direction === 'outbound' && !relayed)
      return new Map(dialled.map(({ peer, address }) => [peer, address]))
    },
  })
  const granting = new Granting({ identity, log, trust, control, logger })
  return { credentials, renewal, admission, granting }
}

/** What voters endorse, the leader's duties, and how a member goes. */
function rulingParts(assembly: Assembly, connected: Connected, { log, decisions }: Deciding): Ruling {
  const { identity, clock, scopes, logger, self, group, whole } = assembly
  const { trust, mesh, control, members } = connected
  const authority = authorityOf(assembly)
  const sees: Sees = (peer) => members.sight(peer)
  const orders = new OrderPlane({
    control,
    isFenced: group.isRaised,
    following: () => {
      const status = log.status()
      return status && { epoch: trust.chain.epoch, term: status.term, index: log.applied, leader: status.leader }
    },
    logger: logger.child({ part: 'system5' }),
  })
  const claimKeeping = new ClaimKeeping({ log, clock, sees })
  const endorsing = new Endorsing({
    identity,
    log,
    authority,
    control: orders,
    clock,
    logger,
    sees,
    objectionToClaim: (operation, judged) => claimKeeping.objectionTo(operation, judged),
  })
  const voters = new VoterKeeping({ self, log, trust, members, endorsing, clock, logger })
  const levelOf = (peer: PeerIdString): number | undefined =>
    peer === self ? FEATURE_LEVEL : mesh.peers().find((each) => each.peer === peer)?.info.passport.wire.level
  const timetables = new Timetables()
  const hostOf = (tool: string): PeerIdString | undefined => {
    const { providers = [] } = whole().catalog.findTool(tool) ?? {}
    return providers.find((node) => members.isAlive(node)) ?? providers[0]
  }
  const coordinator = new ScheduleCoordinator({
    self,
    log,
    decisions,
    endorsing,
    timetables,
    reachedByMost: (peers) => whole().clocks.reachedByMost(peers),
    sees,
    hostOf,
    clock,
    logger,
  })
  const leading = scopes.of('leader duties')
  const duties = new LeaderDuties({
    log: leading.hears(log),
    members: leading.hears(members),
    clock: leading.clock,
    logger,
    duties: [
      voters,
      new Certifying({ identity, decisions, trust, control: orders, logger }),
      new Upkeep({
        log,
        decisions,
        endorsing,
        clock,
        logger,
        sees,
        levelOf,
        alsoWanted: [(judged) => claimKeeping.wanted(judged), (judged) => coordinator.wanted(judged)],
      }),
      new AlertKeeping({ log, decisions, clock, logger }),
      new GroupGoverning({
        log,
        decisions,
        clock,
        logger: logger.child({ part: 'system5' }),
        governance: assembly.group.governance,
        sight: () => whole().effects,
        algedonic: () => whole().algedonic,
      }),
      new NameGranting({ decisions, clock, logger, ungrantedNames: () => whole().catalog.ungrantedNames() }),
      coordinator,
      { work: () => whole().delegateDesk.work() },
    ],
  })
  const onRefused = (listener: (code: string) => void): (() => void) =>
    mesh.on('peer:refused', ({ side, code }) => {
      if (side === 'there') listener(code)
    })
  const departure = new Departure({
    identity,
    log,
    decisions,
    voters,
    endorsing,
    duties,
    trust,
    control,
    clock,
    logger,
    onRefused,
  })
  const expulsion = new Expulsion({ mesh, log, trust, authority, control, clock, logger })
  return { timetables, endorsing, voters, duties, departure, expulsion }
}
