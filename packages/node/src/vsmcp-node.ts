import { epochOfLog } from '@vsmcp/consensus'
import {
  InvalidArgumentError,
  messageOf,
  seededRandom,
  type Startable,
  StoppedError,
  Supervisor,
  systemClock,
} from '@vsmcp/kernel'
import { type Identity, loadIdentity } from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { assemble } from './assemble.ts'
import type { Parts } from './parts.ts'
import {
  DRAIN_DEADLINE_MS,
  LIFECYCLE_DEADLINE_MS,
  NODE_NAME_LENGTH_MAX,
  ROOT_RESTARTS,
  ROOT_RESTARTS_PERIOD_MS,
} from './constants.ts'
import type { NodeControl } from './control.ts'
import type { PartView } from './tree/contract.ts'
import { RunningNodeControl } from './control/node-control.ts'
import { factsOf, groupViews } from './control/group-views.ts'
import { dataDirectory, removeIfThere, writeWhole } from './enrol/data-directory.ts'
import { requireEnrolment } from './enrol/enrolment.ts'
import { NodeLog } from './log/node-log.ts'
import type { NodeInit, StopReason, VsmcpNode } from './node-init.ts'
import { backupOf } from './backup/make-backup.ts'
import { NodeSeats } from './seats/node-seats.ts'
import { selfResource } from './self/self-resource.ts'
import { Self } from './self/self-view.ts'
import { ForecastDesk } from './system4/forecast-desk.ts'
import { Futures } from './system4/futures.ts'
import { KeysDesk } from './keys/keys-view.ts'
import { findingsView } from './system3/findings-view.ts'
import { claimsView } from './system2/claims-view.ts'
import { refuseUnfinished } from './recovery/recover-mesh.ts'
import { systemsOf } from './tree/node-tree.ts'
import { Scope } from './tree/scope.ts'
import { Scopes } from './tree/scopes.ts'
import { TreeNews } from './tree/tree-news.ts'
import { partsOf } from './tree/tree-view.ts'
import { Wiring } from './wiring.ts'

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
  readonly #root = new Supervisor(
    { id: 'node', intensity: ROOT_RESTARTS, periodMs: ROOT_RESTARTS_PERIOD_MS, children: [] },
    {
      clock: systemClock,
      deadlines: { startMs: LIFECYCLE_DEADLINE_MS, stopMs: LIFECYCLE_DEADLINE_MS },
      onEvent: (event) => this.#news?.tell(event),
      onFailed: (error) => this.#fail(error),
    },
  )
  #news: TreeNews | undefined
  readonly #stopped = Promise.withResolvers<StopReason>()
  #starting: Promise<void> | undefined
  #running: Running | undefined
  #log: NodeLog | undefined
  #seats: NodeSeats | undefined
  /** Why the root of the tree gave up. */
  #failure: unknown
  #stopping: Promise<void> | undefined

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

  /** Throws what a part fails with, and `StoppedError` when it is stopped meanwhile; nothing is left running then. */
  async start(): Promise<void> {
    if (this.#starting !== undefined) throw new InvalidArgumentError('a node starts once')
    this.#starting = this.#start()
    try {
      await this.#starting
    } catch (error) {
      if (this.#stopping === undefined) this.log('error', 'node did not start', { error: messageOf(error) })
      await this.#root.stop().catch(() => {})
      throw this.#failure ?? error
    }
  }

  log(level: 'info' | 'warn' | 'error', msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#log?.logger[level]({ ...fields }, msg)
  }

  contain(error: unknown): boolean {
    return Scope.current()?.crash(error) === true
  }

  stop(): Promise<void> {
    return this.#end({ reason: 'shutdown' })
  }

  async #start(): Promise<void> {
    const { dataDir, logLevel, logToStderr, name } = this.#init
    if (name !== undefined) checkName(name)
    const enrolled = await requireEnrolment(dataDir)
    const files = dataDirectory(dataDir)
    const log = await NodeLog.open({ directory: files.logs, level: logLevel, stderr: logToStderr })
    await this.#root.start()
    await this.#begin('log', { start: async () => {}, stop: () => log.close() })
    this.#log = log
    const { logger } = log
    this.#news = new TreeNews(logger, systemClock)
    const store = await openStore({ dir: dataDir, create: false })({ clock: systemClock, logger })
    await this.#begin('store', store)
    const identity = await loadIdentity(files.identity)
    refuseUnfinished(dataDir, enrolled.chain, epochOfLog(await store.raft.load()), identity.peerId)
    const enrolment = name === undefined ? enrolled : { ...enrolled, name }
    const scopes = new Scopes(systemClock, logger)
    const parts = assemble({ init: this.#init, identity, enrolment, store, clock: systemClock, scopes, logger })
    const wiring = new Wiring(parts, logger)
    wiring.on('removed', (how) => {
      this.#removed(parts, how).catch((error: unknown) =>
        logger.error({ error: messageOf(error) }, 'the end of membership is not on disk'),
      )
    })
    const control = this.#control(parts, log, wiring, identity)
    for (const system of systemsOf(parts, scopes)) {
      this.#mustGoOn()
      await this.#root.startChild(system)
    }
    wiring.started()
    if (this.#seats !== undefined) await this.#begin('seats', this.#seats)
    const running = { pid: process.pid, peerId: identity.peerId, socketPath: this.#init.socketPath }
    await this.#begin('mark', {
      start: () => writeWhole(files.running, JSON.stringify(running)),
      stop: () => removeIfThere(files.running),
    })
    this.#running = { parts, control }
    logger.info({ ...this.ready, version: this.#init.version }, 'node is up')
  }

  /** Of what holds something already: it lets go when the node was told to stop meanwhile. */
  async #begin(id: string, child: Startable): Promise<void> {
    if (this.#stopping === undefined) return this.#root.startChild({ id, child })
    await child.stop().catch(() => {})
    this.#mustGoOn()
  }

  #mustGoOn(): void {
    if (this.#stopping !== undefined) throw new StoppedError('the node was stopped while it started')
  }

  #control(parts: Parts, log: NodeLog, wiring: Wiring, identity: Identity): NodeControl {
    const { mesh, log: groupLog, catalog, units, router, admission, gateway } = parts
    const { dataDir } = this.#init
    const { statusView, unitsView, nameOf, lists } = groupViews(parts, {
      facts: factsOf(this.#init),
      mcpUrl: () => gateway.url(),
      crashes: () => this.#news?.problems() ?? [],
      logger: log.logger,
    })
    const seats = new NodeSeats({
      init: this.#init,
      identity,
      home: parts,
      homeLists: lists,
      clock: systemClock,
      random: seededRandom(Math.round(systemClock.wallMs())),
      logger: log.logger,
      onEvent: (event) => this.#news?.tell(event),
    })
    this.#seats = seats
    const forecasts = new ForecastDesk({ ...parts, self: mesh.peerId, nameOf, clock: systemClock })
    const futures = new Futures({
      ...parts,
      self: mesh.peerId,
      nameOf,
      assertMayBegin: (what) => parts.degradation.assertMayBegin(what),
      names: () => statusView.members().map(({ name }) => name),
      logger: log.logger,
    })
    const self = new Self({ ...parts, self: mesh.peerId, statusView, log: groupLog, forecasts, groups: seats.desk })
    parts.own.provide(selfResource(self))
    return new RunningNodeControl({
      forecasts,
      feeds: parts.feeds,
      futures,
      self,
      statusView,
      unitsView,
      units,
      catalog,
      members: parts.members,
      router,
      admission,
      groups: seats.desk,
      keys: new KeysDesk(dataDir, parts.sessionKeys),
      alerts: parts.alerts,
      backup: () => this.#backup(parts),
      claims: () => claimsView(groupLog.state, nameOf),
      schedules: parts.schedules,
      proposals: parts.proposals,
      findings: () => findingsView({ ...parts, nameOf, clock: systemClock }),
      log,
      clock: systemClock,
      facts: () => ({
        versions: new Map(mesh.peers().map(({ peer, info }) => [peer, info.passport.version])),
        clockAheadMs: parts.clocks.aheadMs,
      }),
      tree: () => this.#tree(seats),
      onChange: (listener) => {
        const offs = [wiring.on('changed', listener), seats.onChange(listener)]
        return () => offs.forEach((off) => off())
      },
      leave: () => this.#leave(parts),
      shutdown: async () => void setImmediate(() => void this.#end({ reason: 'shutdown' })),
    })
  }

  /** The seats have supervisors of their own, so that none of them can end the process; they are shown where they belong. */
  #tree(seats: NodeSeats): PartView[] {
    const { children, ...root } = this.#root.inspect()
    const withSeats = children.map((child) => (child.id === 'seats' ? { ...child, children: seats.tree() } : child))
    return partsOf({ id: 'node', state: 'running', restart: 'permanent', restarts: 0, ...root, children: withSeats })
  }

  #backup({ trust, units, log, mesh }: Parts): Promise<string> {
    const { dataDir, version } = this.#init
    const { state, applied } = log
    const group = state === undefined ? undefined : { state, index: applied, term: log.status()?.term ?? 1 }
    return backupOf({ dataDir, version, enrolment: trust.enrolment, self: mesh.peerId, units: units.specs(), group })
  }

  async #leave(parts: Parts): Promise<void> {
    await this.#seats?.desk.leaveAll()
    await parts.departure.leave()
    await parts.trust.markLeft()
    setImmediate(() => void this.#end({ reason: 'left' }))
  }

  /** Taken off the list without having asked for it, or after the answer to its leave was given up on. */
  async #removed(parts: Parts, how: { evicted: boolean }): Promise<void> {
    if (parts.departure.isLeaving) return
    try {
      await parts.trust.markLeft({ ...how, forgotten: !how.evicted })
    } finally {
      setImmediate(() => void this.#end({ reason: how.evicted ? 'evicted' : 'forgotten' }))
    }
  }

  #end(reason: StopReason): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #stop(reason: StopReason): Promise<void> {
    const errors: unknown[] = []
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        errors.push(error)
      }
    }
    // What is being started ends by itself at the next part; its failure is told to who started it.
    if (this.#running === undefined) await this.#starting?.catch(() => {})
    if (this.#running !== undefined && this.#failure === undefined) {
      const { parts } = this.#running
      await attempt(() => this.#drain(parts))
      await attempt(() => parts.trust.settled())
    }
    await attempt(() => this.#root.stop())
    if (this.#failure !== undefined) this.#stopped.resolve({ reason: 'failed', error: this.#failure })
    else if (errors.length === 0) this.#stopped.resolve(reason)
    else this.#stopped.resolve({ reason: 'failed', error: new AggregateError(errors, messageOf(errors[0])) })
  }

  /** What is above the root is the process. */
  #fail(error: unknown): void {
    this.#failure = error
    setImmediate(() => void this.#end({ reason: 'failed', error }))
  }

  /** Nothing new is begun, what is under way may end, and another voter leads meanwhile: all at once, and each bounded. */
  async #drain({ router, readiness, gateway, departure, duties }: Parts): Promise<void> {
    router.close()
    readiness.drain()
    await duties.stop()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = systemClock.after(DRAIN_DEADLINE_MS, resolve)
    await Promise.all([departure.handOver(), this.#seats?.drain(), gateway.stop(), Promise.race([router.drained(), promise])])
    timer.cancel()
  }

  #require(): Running {
    if (this.#running !== undefined) return this.#running
    throw new StoppedError('the node is not running')
  }
}

/** What credentials and the docket would refuse later, and keep this node from being let in anywhere. */
function checkName(name: string): void {
  if (name.length > 0 && name.length <= NODE_NAME_LENGTH_MAX && !/[\p{Cc}\u2028\u2029]/u.test(name) && name.isWellFormed()) return
  throw new InvalidArgumentError(`"${name}" cannot be a node's name`, {
    hint: `Use 1 to ${NODE_NAME_LENGTH_MAX} characters, none of them a control character.`,
  })
}
