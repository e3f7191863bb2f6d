import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, type Logger, silentLogger, Supervisor, systemClock } from '@vsmcp/kernel'
import { loadIdentity, loadMeshKey, signAsOperator } from '@vsmcp/security'
import { openStore, type RaftStorage, type Store } from '@vsmcp/store'
import { onTestFinished } from 'vitest'
import { assemble } from '../../src/assemble.ts'
import type { Parts } from '../../src/parts.ts'
import { dataDirectory } from '../../src/enrol/data-directory.ts'
import { requireEnrolment } from '../../src/enrol/enrolment.ts'
import { initMesh } from '../../src/enrol/init-mesh.ts'
import { joinMesh } from '../../src/enrol/join-mesh.ts'
import type { NodeInit } from '../../src/node-init.ts'
import { systemsOf } from '../../src/tree/node-tree.ts'
import { Scopes } from '../../src/tree/scopes.ts'
import { Wiring } from '../../src/wiring.ts'

export async function emptyDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'vsmcp-node-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }))
  return dir
}

export function initOf(dataDir: string, change: Partial<NodeInit> = {}): NodeInit {
  return {
    dataDir,
    profile: 'mesh',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    advertise: [],
    http: { host: '127.0.0.1', port: 0 },
    logLevel: 'debug',
    // Audits come when nobody knows; a test that wants one asks for it.
    auditMeanMs: 1e12,
    logToStderr: 'off',
    version: '0.0.0-test',
    socketPath: join(dataDir, 'control.sock'),
    ...change,
  }
}

export interface TestNode extends Parts {
  dir: string
  name: string
  peer: string
  wiring: Wiring
  tree: Supervisor
  scopes: Scopes
  store: Store
  /** In order, but without handing over: what a node leaves behind is its closed connections. */
  stop(): Promise<void>
}

export interface StartOptions {
  logger?: Logger
  storage?: (storage: RaftStorage) => RaftStorage
  clock?: Clock
  init?: Partial<NodeInit>
}

/** All parts of a node on real sockets and a real disk, each at hand. */
export async function startNode(
  dir: string,
  { logger = silentLogger, storage, clock = systemClock, init }: StartOptions = {},
): Promise<TestNode> {
  const opened = await openStore({ dir })({ clock: systemClock, logger })
  const store: Store = {
    dir: opened.dir,
    raft: storage?.(opened.raft) ?? opened.raft,
    kv: (namespace) => opened.kv(namespace),
    stats: () => opened.stats(),
    start: () => opened.start(),
    stop: () => opened.stop(),
  }
  const identity = await loadIdentity(dataDirectory(dir).identity)
  const enrolment = await requireEnrolment(dir)
  const scopes = new Scopes(clock, logger)
  const parts = assemble({ init: initOf(dir, init), identity, enrolment, store, clock, scopes, logger })
  const wiring = new Wiring(parts, logger)
  const tree = new Supervisor({ id: 'node', children: systemsOf(parts, scopes) }, { clock: systemClock })
  await tree.start()
  wiring.started()
  let stopping: Promise<void> | undefined
  const stopAll = async (): Promise<void> => {
    // The connections first: to the others it looks like a death.
    await parts.mesh.stop()
    await tree.stop()
    await parts.trust.settled()
    await opened.stop()
  }
  const stop = (): Promise<void> => (stopping ??= stopAll())
  onTestFinished(stop)
  return { ...parts, dir, name: enrolment.name, peer: identity.peerId, wiring, tree, scopes, store, stop }
}

/** What brings a node back where the others look for it. */
export function sameAddresses({ mesh }: TestNode): Pick<StartOptions, 'init'> {
  return { init: { listen: mesh.listenAddresses().map((address) => address.replace(/\/p2p\/.*$/, '')) } }
}

export async function foundMesh(name = 'a', options: StartOptions = {}): Promise<TestNode> {
  const dir = await emptyDirectory()
  await initMesh({ dataDir: dir, name })
  const node = await startNode(dir, options)
  await until(node, () => node.log.isLeader)
  return node
}

/** A token of this member; addresses of it alone. */
export async function tokenOf(member: TestNode, uses = 1): Promise<string> {
  return (await member.admission.invite({ role: 'member', ttlMs: 60_000, uses })).token
}

export async function joinNode(member: TestNode, name: string, options: StartOptions = {}): Promise<TestNode> {
  const dir = await emptyDirectory()
  await joinMesh({ dataDir: dir, token: await tokenOf(member), name })
  return startNode(dir, options)
}

/** So many nodes, each connected with every other, all voters but for an even last one, every change of voters certified everywhere. */
export async function startGroup(count: number, options: StartOptions = {}): Promise<TestNode[]> {
  const first = await foundMesh('a', options)
  const nodes = [first]
  for (let at = 1; at < count; at++) nodes.push(await joinNode(first, String.fromCharCode(97 + at), options))
  const voters = count % 2 === 1 ? count : count - 1
  await Promise.all(nodes.map((node) => until(node, () => isSettled(node, count, voters))))
  return nodes
}

function isSettled({ log, mesh, trust }: TestNode, count: number, voters: number): boolean {
  const configuration = log.status()?.configuration
  return (
    mesh.peers().length === count - 1 &&
    log.state?.members.size === count &&
    configuration?.voters.length === voters &&
    configuration.learners.length === count - voters &&
    configuration.outgoing.length === 0 &&
    trust.chain.voters.length === voters &&
    trust.uncertified.length === 0 &&
    log.status()?.leader !== undefined
  )
}

export function leaderOf(nodes: readonly TestNode[]): TestNode {
  const leader = nodes.find(({ log }) => log.isLeader)
  if (leader === undefined) throw new Error('nobody leads')
  return leader
}

export function followersOf(nodes: readonly TestNode[]): [TestNode, TestNode] {
  const [one, other] = nodes.filter(({ log }) => !log.isLeader)
  if (one === undefined || other === undefined) throw new Error('fewer than two followers')
  return [one, other]
}

/** Resolves with the next event after which the condition holds, or at once. The test's own timeout is the deadline. */
export function until({ log, wiring, trust }: Pick<TestNode, 'log' | 'wiring' | 'trust'>, holds: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const offs: (() => void)[] = []
  const look = (): void => {
    if (!holds()) return
    for (const off of offs) off()
    resolve()
  }
  // What keeps the chain listens to the same events, and may come later in the turn.
  const soon = (): void => queueMicrotask(look)
  offs.push(
    log.on('entry:applied', soon),
    log.on('state:installed', soon),
    log.on('leader:changed', soon),
    wiring.on('changed', soon),
  )
  void trust.settled().then(look)
  look()
  return promise
}

/** Signed by the mesh key, which lies in the founder's directory. Good for who does not vote. */
export async function evictionOf({ dir, log }: TestNode, peer: string) {
  const { state } = log
  if (state === undefined) throw new Error('no state')
  const now = Date.now()
  const joinedAtIndex = state.members.get(peer)?.joinedAtIndex ?? 0
  const order = { op: 'member:evict', peer, joinedAtIndex, untilMs: now + 86_400_000, reason: 'test', signedAtMs: now } as const
  return signAsOperator(await loadMeshKey(dataDirectory(dir).meshKey), '', state.charter, order)
}

/** Something for the group to decide, told apart by its id. */
export const invitation = (node: TestNode, id: string) =>
  ({
    op: 'invitation:create',
    id,
    verifier: 'dmVyaWZpZXI',
    role: 'member',
    zone: '',
    uses: 1,
    expiresAtMs: Date.now() + 60_000,
    createdBy: node.peer,
  }) as const
