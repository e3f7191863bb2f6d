import { AUTHORITY_LEVEL, FEATURE_LEVEL, type GroupState, isCertified } from '@vsmcp/consensus'
import { type Clock, type Logger, messageOf, type PeerIdString, seededRandom } from '@vsmcp/kernel'
import { createGateway, createProcessGuard, createUnit } from '@vsmcp/mcp'
import { createMesh, WIRE_RANGE } from '@vsmcp/mesh'
import { flawOfSnapshot, groupAuthority, type Identity, joinServer, type VerifiedPassport, verify } from '@vsmcp/security'
import { createSharedState } from '@vsmcp/state'
import type { Store } from '@vsmcp/store'
import { topicsOf } from '@vsmcp/vsm'
import { Catalog } from './catalog/catalog.ts'
import { UNITS_COLLECTION } from './catalog/published-unit.ts'
import type { NodeInit } from './node-init.ts'
import { dataDirectory } from './enrol/data-directory.ts'
import type { Enrolment } from './enrol/enrolment.ts'
import { Discovery } from './members/discovery.ts'
import { MemberPlane } from './members/member-plane.ts'
import { Members } from './members/members.ts'
import { signedAlive } from './members/signed-alive.ts'
import type { Parts } from './parts.ts'
import { Epochs } from './recovery/epochs.ts'
import { Lives } from './recovery/lives.ts'
import { Router } from './route/router.ts'
import { SealedSessionIds } from './keys/sealed-session-ids.ts'
import { SessionKeys } from './keys/session-keys.ts'
import { LocalUnits } from './system1/local-units.ts'
import { UnitPublisher } from './system1/unit-publisher.ts'
import { UnitNameClaims } from './system1/unit-name-claims.ts'
import { UnitSpecs } from './system1/unit-specs.ts'
import { Admission } from './system5/admission.ts'
import { Credentials } from './system5/credentials.ts'
import { Certifying } from './system5/certifying.ts'
import { Decisions } from './system5/decisions.ts'
import { Departure } from './system5/departure.ts'
import { Endorsing } from './system5/endorsement/endorsing.ts'
import type { Sees } from './system5/endorsement/judge-voters.ts'
import { Expulsion } from './system5/expulsion.ts'
import { GroupLog } from './system5/group-log.ts'
import { LeaderDuties } from './system5/leader-duties.ts'
import { decodeLink } from './system5/link-certificate.ts'
import { NameGranting } from './system5/name-granting.ts'
import { Renewal } from './system5/renewal.ts'
import { signedVotes } from './system5/signed-votes.ts'
import { Standing } from './system5/standing.ts'
import { OrderPlane } from './system5/order-plane.ts'
import { Trust } from './system5/trust.ts'
import { Upkeep } from './system5/upkeep.ts'
import { TrustedTime } from './system5/trusted-time.ts'
import { VoterKeeping } from './system5/voter-keeping.ts'
import { GroupSignals } from './topics/group-signals.ts'
import { Reports } from './topics/reports.ts'

export interface Ground {
  init: NodeInit
  identity: Identity
  enrolment: Enrolment
  store: Store
  clock: Clock
  logger: Logger
}

/** Wires a node. What one part needs of a later one is passed as a function that is called when both are there. */
export function assemble(ground: Ground): Parts {
  const { init, identity, enrolment, store, clock, logger } = ground
  const random = seededRandom(randomSeed(identity, clock))
  const self = identity.peerId
  const wire = { ...WIRE_RANGE, level: FEATURE_LEVEL }
  const lives = new Lives({ kv: (namespace) => store.kv(namespace), self, clock, logger })
  const time = new TrustedTime({ file: dataDirectory(init.dataDir).time, clock, logger })
  const standing = new Standing({
    self,
    nowMs: () => time.nowMs(),
    chain: () => trust.chain,
    isUp: (peer) => members.isAlive(peer),
  })
  const trust = new Trust(enrolment, {
    dataDir: init.dataDir,
    identity,
    clock,
    logger,
    version: init.version,
    wire,
    addresses: () => mesh.listenAddresses(),
    lives,
    time,
    standing,
    isListed: (peer) => group()?.members.has(peer) === true,
    groupLevel: () => group()?.charter.featureLevel ?? 1,
  })
  const group = (): GroupState | undefined => log.state
  // Below this level nodes of older versions take part, which know no endorsements and no fencing tokens.
  const isRaised = (): boolean => (group()?.charter.featureLevel ?? AUTHORITY_LEVEL) >= AUTHORITY_LEVEL
  // A node that holds no copy of the docket yet goes by the credential alone, which the hello has verified.
  const isMember = (peer: PeerIdString): boolean => group()?.members.has(peer) ?? true
  // While nobody leads, its copy may lack a newcomer for long; whom it saw leave it knows.
  const isServed = (peer: PeerIdString): boolean => isMember(peer) || (!trust.hasLeft(peer) && log.status()?.leader === undefined)
  const join = joinServer()({
    self,
    monotonicMs: () => clock.monotonicMs(),
    passport: () => trust.passport(),
    redeem: (request) => admission.redeem(request),
    assertLevel: (level) => trust.assertLevel(level),
  })
  const mesh = createMesh({
    listen: init.listen,
    advertise: init.advertise,
    featureLevel: FEATURE_LEVEL,
    ...(init.pnetKey === undefined ? {} : { pnetKey: init.pnetKey }),
    ...(init.mdns === true ? { mdnsMeshId: enrolment.meshId } : {}),
  })<VerifiedPassport>({
    privateKey: identity.privateKeyProtobuf,
    hello: { local: () => trust.passport(), verify: (peer, payload) => trust.verifyHello(peer, payload) },
    onJoin: async (peer, exchange, address) => {
      const outcome = await join(peer, exchange, address)
      if (outcome.joined) logger.info({ peer, address, name: outcome.claims.name }, 'a node joined')
      else {
        const { code, message, cause } = outcome
        logger.info({ peer, address, code, message, cause: messageOf(cause) }, 'a node was not let in')
      }
    },
    acceptsGossipFrom: isMember,
    clock,
    random,
    logger: logger.child({ part: 'mesh' }),
  })
  // Whose credential is over gets no more than its renewal while the voters can be reached.
  const isInForce = (peer: PeerIdString): boolean => standing.serves(peer)
  const control = new MemberPlane(mesh.control, isServed, isInForce)
  const renewing = new MemberPlane(mesh.control, isServed)
  const authority = groupAuthority({ firstCharter: enrolment.chain.firstCharter, decodeCertificate: decodeLink })
  const log = new GroupLog({
    storage: store.raft,
    control,
    self,
    clock,
    logger: logger.child({ part: 'system5' }),
    raft: {
      random,
      needsEndorsement: isRaised,
      ...signedVotes(identity, enrolment, trust),
    },
    authority,
    epoch: () => trust.chain.epoch,
    flawOfSnapshot: (snapshot, held) => flawOfSnapshot(snapshot, { chain: trust.chain, held, decodeCertificate: decodeLink }),
    mayCompact: () => trust.uncertified.length === 0 && (log.state === undefined || isCertified(log.state)),
  })
  const epochs = new Epochs({
    log,
    trust,
    control,
    peers: () => mesh.peers().map(({ peer }) => peer),
    nameOf: (peer) => group()?.members.get(peer)?.name ?? peer,
    clock,
    logger,
  })
  const members = new Members({
    mesh,
    control,
    alive: signedAlive(identity, enrolment),
    isListed: isServed,
    clock,
    random,
    logger,
  })
  const discovery = new Discovery(init.bootstrap ?? [], { mesh, clock, random, logger: logger.child({ part: 'discovery' }) })
  const decisions = new Decisions({ log, control, self, clock })
  const credentials = new Credentials({
    identity,
    log,
    trust,
    standing,
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
    standing,
    control: renewing,
    peers: () => mesh.peers().map(({ peer }) => peer),
    onPeerUp: (listener) => mesh.on('peer:up', listener),
    nowMs: () => time.nowMs(),
    clock,
    random,
    logger,
  })
  const admission = new Admission({
    identity,
    log,
    decisions,
    trust,
    credentials,
    control,
    clock,
    addresses: () => mesh.listenAddresses(),
    isUp: (peer) => members.isAlive(peer),
  })
  const topics = topicsOf(enrolment.meshId, enrolment.groupId)
  const state = createSharedState({
    topic: topics.state,
    mayWrite: (collection, key, writer) => collection !== UNITS_COLLECTION || group()?.units.get(key)?.peer === writer,
  })({
    plane: mesh.state,
    gossip: mesh.gossip,
    store: store.kv('state'),
    signer: identity,
    verify,
    isMember,
    clock,
    random,
    logger: logger.child({ part: 'state' }),
  })
  const catalog = new Catalog({ state, group, logger })
  const sees: Sees = (peer) => members.sight(peer)
  const orders = new OrderPlane({
    control,
    isFenced: isRaised,
    following: () => {
      const status = log.status()
      return status && { epoch: trust.chain.epoch, term: status.term, index: log.applied, leader: status.leader }
    },
    logger: logger.child({ part: 'system5' }),
  })
  const endorsing = new Endorsing({ identity, log, authority, control: orders, clock, logger, sees })
  const levelOf = (peer: PeerIdString): number | undefined =>
    peer === self ? FEATURE_LEVEL : mesh.peers().find((each) => each.peer === peer)?.info.passport.wire.level
  const voters = new VoterKeeping({ self, log, trust, members, endorsing, clock, logger })
  const duties = new LeaderDuties({
    log,
    members,
    clock,
    logger,
    duties: [
      voters,
      new Certifying({ identity, decisions, trust, control: orders, logger }),
      new Upkeep({ log, decisions, endorsing, clock, logger, sees, levelOf }),
      new NameGranting({ decisions, clock, logger, ungrantedNames: () => catalog.ungrantedNames() }),
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
  const guard = createProcessGuard({ dir: dataDirectory(init.dataDir).processes })({ clock, random, logger })
  // Two meshes are told apart by clients, and by a node that is asked to attach its own.
  const ownServerName = `vsmcp-${enrolment.meshId.slice(0, 8)}`
  const publisher = new UnitPublisher({ state, group, self, logger })
  const units = new LocalUnits({
    ownServerName,
    specs: new UnitSpecs(store.kv('units')),
    names: new UnitNameClaims({ decisions, group, self, nameOf: (peer) => group()?.members.get(peer)?.name ?? peer }),
    offers: publisher,
    clock,
    create: (spec) =>
      createUnit({ spec, client: { name: 'vsmcp', version: init.version } })({
        processes: guard,
        clock,
        random,
        logger: logger.child({ unit: spec.name }),
      }),
    logger,
  })
  const router = new Router({ self, catalog, units, rpc: new MemberPlane(mesh.rpc, isServed, isInForce) })
  const { host, port, token } = init.http
  const sessionKeys = new SessionKeys({
    kv: (namespace) => store.kv(namespace),
    identity,
    log,
    decisions,
    control,
    peers: () => mesh.peers().map(({ peer }) => peer),
    clock,
    logger: logger.child({ part: 'session keys' }),
  })
  const sessionIds = new SealedSessionIds({
    keys: sessionKeys,
    self,
    group: `${enrolment.meshId} ${enrolment.groupId}`,
    life: () => lives.own.number,
    members: () => group()?.members.keys() ?? [],
  })
  const gateway = createGateway({
    host,
    port,
    name: ownServerName,
    version: init.version,
    ...(token === undefined ? {} : { token }),
  })({
    router,
    sessionIds,
    clock,
    logger: logger.child({ part: 'gateway' }),
  })
  const signals = new GroupSignals({
    gossip: mesh.gossip,
    topics,
    self,
    isMember,
    hostOf: (unit) => group()?.units.get(unit)?.peer,
    clock,
    logger,
  })
  const reports = new Reports({ self, signals, units, router, log, control, clock, logger })
  return {
    time,
    standing,
    credentials,
    renewal,
    trust,
    lives,
    epochs,
    sessionKeys,
    mesh,
    control,
    log,
    decisions,
    admission,
    members,
    discovery,
    voters,
    endorsing,
    expulsion,
    duties,
    departure,
    state,
    catalog,
    guard,
    publisher,
    units,
    router,
    gateway,
    signals,
    reports,
  }
}

/** Jitter must differ between nodes that start at the same moment. */
function randomSeed({ peerId }: Identity, clock: Clock): number {
  let seed = Math.round(clock.wallMs())
  for (const character of peerId) seed = (Math.imul(seed, 31) + (character.codePointAt(0) ?? 0)) | 0
  return seed
}
