import {
  Emitter,
  Lifecycle,
  type Logger,
  messageOf,
  type PeerIdString,
  type Startable,
  StoppedError,
  systemClock,
} from '@vsmcp/kernel'
import { loadIdentity } from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { assemble, type Parts } from './assemble.ts'
import { toRecordValue, UNITS_COLLECTION } from './catalog/published-unit.ts'
import { DRAIN_DEADLINE_MS, LIFECYCLE_DEADLINE_MS } from './constants.ts'
import type { NodeControl } from './control.ts'
import { RunningNodeControl } from './control/node-control.ts'
import { StatusView } from './control/status-view.ts'
import { UnitsView } from './control/units-view.ts'
import { dataDirectory, removeIfThere, writeWhole } from './enrol/data-directory.ts'
import { requireEnrolment } from './enrol/enrolment.ts'
import { NodeLog } from './log/node-log.ts'
import type { NodeInit, StopReason, VsmcpNode } from './node-init.ts'

/** Runs the node of an enrolled data directory. */
export function createNode(init: NodeInit): VsmcpNode {
  return new RunningNode(init)
}

interface Running {
  parts: Parts
  control: NodeControl
}

class RunningNode implements VsmcpNode {
  readonly #init: NodeInit
  readonly #lifecycle = new Lifecycle(systemClock, LIFECYCLE_DEADLINE_MS)
  readonly #stopped = Promise.withResolvers<StopReason>()
  readonly #changes = new Emitter<{ changed: undefined }>(() => {})
  readonly #clockAheadMs = new Map<PeerIdString, number>()
  #running: Running | undefined
  #stopping: Promise<void> | undefined
  #describing = false

  constructor(init: NodeInit) {
    this.#init = init
  }

  get control(): NodeControl {
    return this.#require().control
  }

  get ready(): VsmcpNode['ready'] {
    const { mesh, trust, gateway } = this.#require().parts
    return { peerId: mesh.peerId, name: trust.enrolment.name, mcp: gateway.url(), listen: mesh.listenAddresses() }
  }

  get mcpHandler(): VsmcpNode['mcpHandler'] {
    const { gateway } = this.#require().parts
    return (request, response) => gateway.handle(request, response)
  }

  get stopped(): Promise<StopReason> {
    return this.#stopped.promise
  }

  async start(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      await this.#lifecycle.stop().catch(() => {})
      throw error
    }
  }

  stop(): Promise<void> {
    return this.#end({ reason: 'shutdown' })
  }

  async #start(): Promise<void> {
    const { dataDir, logLevel, logToStderr, name } = this.#init
    const enrolled = await requireEnrolment(dataDir)
    const files = dataDirectory(dataDir)
    const log = await NodeLog.open({ directory: files.logs, level: logLevel, stderr: logToStderr })
    await this.#lifecycle.start('log', { start: async () => {}, stop: () => log.close() })
    const { logger } = log
    const store = await openStore({ dir: dataDir, create: false })({ clock: systemClock, logger })
    await this.#lifecycle.start('store', store)
    const identity = await loadIdentity(files.identity)
    const enrolment = name === undefined ? enrolled : { ...enrolled, name }
    const parts = assemble({ init: this.#init, identity, enrolment, store, clock: systemClock, logger })
    this.#wire(parts, logger)
    const control = this.#control(parts, log)
    await this.#startParts(parts)
    const running = { pid: process.pid, peerId: identity.peerId, socketPath: this.#init.socketPath }
    await this.#lifecycle.start('mark', {
      start: () => writeWhole(files.running, JSON.stringify(running)),
      stop: () => removeIfThere(files.running),
    })
    this.#running = { parts, control }
    logger.info({ ...this.ready, version: this.#init.version }, 'node is up')
  }

  async #startParts(parts: Parts): Promise<void> {
    const { log, state, mesh, members, signals, reports, guard, units, duties, gateway, trust } = parts
    const order: [string, Startable][] = [
      ['consensus', log],
      ['membership', members],
      ['mesh', mesh],
      ['shared state', state],
      ['signals', signals],
      ['reports', reports],
      ['leader duties', duties],
      ['process guard', guard],
      ['units', units],
      ['gateway', gateway],
    ]
    for (const [name, part] of order) await this.#lifecycle.start(name, part)
    parts.catalog.refresh()
    members.reconcile([...trust.enrolment.peers, ...knownMembers(parts)])
    this.#describeSelf(parts)
  }

  /** What happens in one part and concerns another. */
  #wire(parts: Parts, logger: Logger): void {
    const { mesh, log, members, state, catalog, units, trust, signals, duties } = parts
    const changed = (): void => this.#changes.emit('changed', undefined)
    mesh.on('peer:up', ({ peer }) => {
      log.peerUp(peer)
      state.peerUp(peer)
      changed()
    })
    mesh.on('peer:down', ({ peer }) => {
      log.peerDown(peer)
      state.peerDown(peer)
      changed()
    })
    mesh.on('peer:refused', ({ peer, side, code, reason }) => {
      if (side === 'there') logger.warn({ peer, code, reason }, 'a member refused this node')
    })
    mesh.on('duplicate:identity', (duplicate) => logger.error(duplicate, 'two live processes show one identity'))
    members.on('member:state', changed)
    log.on('leader:changed', () => {
      this.#describeSelf(parts)
      changed()
    })
    log.on('state:installed', ({ state: group }) => {
      trust.install(group)
      this.#followGroup(parts)
    })
    log.on('entry:applied', ({ before, state: group, effects }) => {
      trust.follow(before, group, effects)
      if (effects.length === 0) return
      this.#followGroup(parts)
    })
    state.on('changed', () => this.#offersChanged(parts))
    state.on('hinted', changed)
    catalog.onChanged(() => {
      signals.followUnits(catalog.units.filter(({ node }) => node !== mesh.peerId).map(({ unit }) => unit))
      duties.look()
      changed()
    })
    signals.on('control', ({ node, atMs }) => this.#clockAheadMs.set(node, atMs - systemClock.wallMs()))
    units.on('unit:definitions', ({ name, kind, definitions }) => {
      const failed = (error: unknown): void =>
        logger.error({ unit: name, error: messageOf(error) }, 'a unit could not be published')
      state.put(UNITS_COLLECTION, name, toRecordValue(kind, definitions)).catch(failed)
    })
    units.on('unit:gone', ({ name }) => {
      const failed = (error: unknown): void =>
        logger.error({ unit: name, error: messageOf(error) }, 'a unit could not be withdrawn')
      state.remove(UNITS_COLLECTION, name).catch(failed)
    })
    units.on('unit:state', changed)
  }

  #offersChanged(parts: Parts): void {
    parts.catalog.refresh()
    this.#changes.emit('changed', undefined)
  }

  /** The docket is another now: who is a member, who owns which unit, who has which name. */
  #followGroup(parts: Parts): void {
    const known = knownMembers(parts)
    parts.members.reconcile(known)
    parts.trust.rememberPeers(known)
    parts.state.reevaluate()
    this.#describeSelf(parts)
    this.#offersChanged(parts)
  }

  /** Others find this node by the name and addresses in the docket: they are put right whenever they are not. */
  #describeSelf({ mesh, log, decisions, trust }: Parts): void {
    const record = log.state?.members.get(mesh.peerId)
    const addresses = mesh.listenAddresses()
    const { name } = trust.enrolment
    if (record === undefined || log.status()?.leader === undefined || this.#describing) return
    if (record.name === name && String(record.addresses) === String(addresses)) return
    this.#describing = true
    decisions
      .propose({ op: 'member:describe', peer: mesh.peerId, name, addresses })
      // Without a System 5 it is tried again when there is one.
      .catch(() => {})
      .finally(() => (this.#describing = false))
  }

  #control(parts: Parts, log: NodeLog): NodeControl {
    const { mesh, members, log: groupLog, trust, catalog, units, reports, state, router, admission, gateway } = parts
    const nameOf = (peer: PeerIdString): string => statusView.nameOf(peer)
    const unitsView = new UnitsView({
      self: mesh.peerId,
      catalog,
      units,
      members,
      state,
      control: mesh.control,
      logger: log.logger,
      nameOf,
    })
    const { version, profile, dataDir } = this.#init
    const statusView = new StatusView(
      { version, profile, dataDir, startedAtMs: systemClock.wallMs() },
      {
        mesh,
        members,
        log: groupLog,
        trust,
        catalog,
        units,
        unitsView,
        reports,
        mcpUrl: () => gateway.url(),
        wallMs: () => systemClock.wallMs(),
      },
    )
    return new RunningNodeControl({
      statusView,
      unitsView,
      units,
      catalog,
      router,
      admission,
      log,
      clock: systemClock,
      facts: () => ({
        versions: new Map(mesh.peers().map(({ peer, info }) => [peer, info.passport.version])),
        clockAheadMs: this.#clockAheadMs,
      }),
      onChange: (listener) => this.#changes.on('changed', listener),
      leave: () => this.#leave(parts),
      shutdown: async () => void setImmediate(() => void this.#end({ reason: 'shutdown' })),
    })
  }

  async #leave(parts: Parts): Promise<void> {
    await parts.departure.leave()
    await parts.trust.markLeft()
    setImmediate(() => void this.#end({ reason: 'left' }))
  }

  #end(reason: StopReason): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #stop(reason: StopReason): Promise<void> {
    try {
      if (this.#running !== undefined) {
        const { router, departure, trust } = this.#running.parts
        await Promise.race([router.drained(), new Promise<void>((resolve) => systemClock.after(DRAIN_DEADLINE_MS, resolve))])
        await departure.handOver()
        await trust.settled()
      }
      await this.#lifecycle.stop()
      this.#stopped.resolve(reason)
    } catch (error) {
      this.#stopped.resolve({ reason: 'failed', error })
    }
  }

  #require(): Running {
    if (this.#running !== undefined) return this.#running
    throw new StoppedError('the node is not running')
  }
}

function knownMembers({ log }: Parts): { peer: PeerIdString; addresses: readonly string[] }[] {
  return log.state?.members.entries().map(([peer, { addresses }]) => ({ peer, addresses })) ?? []
}
