import { InvalidArgumentError, TimeoutError, VsmcpError } from '@vsmcp/kernel'
import { fakeFeed, fakeForecast, fakeFuture, fakeRecursion, fakeSelf } from './fake-self.ts'
import type {
  AlertEvent,
  AlertMarkRequest,
  AlertRaised,
  AlertRequest,
  AlertsRequest,
  AlertView,
  ApplyRequest,
  AttachRequest,
  AttachResult,
  CharterView,
  EvictionDraft,
  DecideRequest,
  FindingView,
  ProposalsRequest,
  ProposalView,
  FeedRequest,
  FeedView,
  ForecastRequest,
  ForecastView,
  FutureView,
  GroupCreateRequest,
  GroupMoved,
  GroupMoveDraft,
  GroupMoveRequest,
  GroupRenameRequest,
  GroupView,
  InvitationView,
  KeysView,
  LogLine,
  LogsRequest,
  MemberView,
  NodeControl,
  NodeStatus,
  PartView,
  ResourceView,
  ScheduleAdded,
  ScheduleRequest,
  ScheduleView,
  SeatRequest,
  SelfView,
  SignedChange,
  SignedEviction,
  SignedMove,
  ToolCallAnswer,
  ToolCallRequest,
  ToolView,
  UnitView,
  WaitConditions,
  WhatIfRequest,
} from '@vsmcp/node'

export { fakeForecast, fakeFuture } from './fake-self.ts'

const PEER = '12D3KooWFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake'
const STARTED = '2026-01-02T03:04:05.000Z'

const MARK = { by: PEER, byName: 'alpha', reason: 'new disk', at: STARTED }
const ALERT: AlertView = {
  id: 'a1b2c3d4e5f6',
  feeling: 'pain',
  severity: 'critical',
  level: 'group',
  state: 'open',
  decided: true,
  node: PEER,
  nodeName: 'alpha',
  system: 'system1',
  origin: 'organ',
  unit: 'files',
  subject: 'unit files \u001b[31mfailed',
  text: 'exit code 1',
  count: 3,
  onset: STARTED,
  last: STARTED,
  due: STARTED,
}

const GROUP: GroupView = {
  id: 'a'.repeat(40),
  path: '/eu',
  part: 'seat',
  parent: { id: 'root', path: '/', reached: true, since: STARTED },
  awaited: false,
  members: { known: 2, alive: 2 },
  leaderName: 'alpha',
  delegates: [{ peerId: PEER, name: 'alpha', alive: true }],
  told: {
    at: '2026-01-01T00:00:00.000Z',
    members: 12,
    groups: 1,
    levels: 1,
    toolNames: 40,
    callsPerS: 3.2,
    errorShare: 0.01,
    inFlight: 1,
    latencyMs: 12,
    actuality: 3.1,
    capability: 9,
    potentiality: null,
    demandBits: 2.1,
    outcomeBits: 0.1,
    residualBits: 0.05,
    alertsOpen: 1,
    alerts: [
      { id: 'a1', severity: 'high', subject: 'pump 3', group: 'g1', onset: '2026-01-01T00:00:00.000Z', acknowledged: false },
    ],
    followed: [{ id: '3-0-never', by: 'root', state: 'met', reason: 'none is sought' }],
  },
  heldTo: [
    { id: '3-0-never', by: 'root', order: 'never seek shell', reason: '', until: '2026-01-02T00:00:00.000Z', refused: null },
  ],
  children: [],
  problem: null,
}

export class FakeError extends VsmcpError {
  readonly code: `VSMCP_${string}`

  constructor(code: `VSMCP_${string}`, message: string, options: ConstructorParameters<typeof VsmcpError>[1] = {}) {
    super(message, options)
    this.code = code
  }
}

/** A node of plain data, for tests of what stands before it: the server, the client, the commands. */
export class FakeControl implements NodeControl {
  /** What was called, with what, in order. */
  readonly calls: [method: string, input: unknown][] = []
  /** Thrown by the next call of a method. */
  readonly failures = new Map<string, Error>()
  readonly units_ = new Map<string, { view: UnitView; request: AttachRequest }>()
  readonly log: LogLine[] = [
    { time: STARTED, level: 'info', msg: 'node started' },
    { time: '2026-01-02T03:05:05.000Z', level: 'warn', msg: 'unit is slow', unit: 'files', fields: { ms: 12 } },
  ]
  /** Called when a log line was asked for beyond the last; resolves to the next. */
  nextLogLine: (signal: AbortSignal | undefined) => Promise<LogLine> = (signal) => untilAborted(signal)
  /** Answers `call`. */
  onCall: (request: ToolCallRequest) => Promise<Record<string, unknown>> = (request) =>
    Promise.resolve({ content: [{ type: 'text', text: JSON.stringify(request.args) }] })
  /** Held while `wait` is pending; aborts with the caller. */
  waiting: AbortSignal | undefined
  onShutdown: () => Promise<void> = () => Promise.resolve()
  dataDir = '/tmp/fake'
  /** Whether `watchAlerts` ends by itself. */
  endsWatch = true
  /** Whether the group to be moved has decided already. */
  isMoved = false

  #note(method: string, input: unknown = {}): void {
    this.calls.push([method, input])
    const failure = this.failures.get(method)
    this.failures.delete(method)
    if (failure !== undefined) throw failure
  }

  async status(): Promise<NodeStatus> {
    this.#note('status')
    return {
      version: '0.1.0',
      node: {
        peerId: PEER,
        name: 'alpha',
        role: 'member',
        profile: 'mesh',
        pid: process.pid,
        startedAt: STARTED,
        dataDir: this.dataDir,
      },
      degradation: { step: 'normal', since: STARTED, reasons: [], paused: [], shed: 0, synthetic: 0 },
      mesh: { id: '00112233445566778899aabbccddeeff', name: 'plant' },
      group: { id: 'root', path: '/' },
      groups: [],
      recursion: fakeRecursion,
      listen: ['/ip4/127.0.0.1/tcp/4950'],
      mcp: 'http://127.0.0.1:4951/mcp',
      system5: {
        leader: PEER,
        leaderName: 'alpha',
        since: STARTED,
        epoch: 1,
        term: 3,
        appliedIndex: 42,
        voters: [PEER],
        quorum: 1,
        failuresTolerated: 0,
        role: 'leader',
      },
      members: { known: 2, alive: 1 },
      units: { local: this.units_.size, group: this.units_.size, ready: this.units_.size },
      tools: 2,
      proposals: { waiting: 2, person: 1, inForce: 3 },
      alerts: { open: 1, acknowledged: 0, critical: 1, overdue: 0 },
      work: {
        node: { actuality: 2, capability: 40, potentiality: 80, productivity: 0.05, latency: 0.5, performance: 0.025 },
        group: { actuality: 0, capability: null, potentiality: null, productivity: null, latency: null, performance: null },
      },
      health: 'degraded',
      problems: ['only one voter: there is no failover'],
      process: { rssBytes: 90_000_000, uptimeS: 61, eventLoopLagMs: 0.4 },
    }
  }

  async groups(): Promise<GroupView[]> {
    this.#note('groups')
    return [{ ...GROUP, path: '/', id: 'root', part: 'home', parent: null, children: ['eu'], delegates: [] }, GROUP]
  }

  async group(path: string): Promise<GroupView> {
    this.#note('group', path)
    return GROUP
  }

  async createGroup(request: GroupCreateRequest): Promise<GroupView> {
    this.#note('createGroup', request)
    return GROUP
  }

  async renameGroup(request: GroupRenameRequest): Promise<GroupView> {
    this.#note('renameGroup', request)
    return { ...GROUP, path: `/${request.name}` }
  }

  async removeGroup(path: string): Promise<void> {
    this.#note('removeGroup', path)
  }

  async draftGroupMove(request: GroupMoveRequest & { token?: string }): Promise<GroupMoveDraft> {
    this.#note('draftGroupMove', request)
    const order = {
      op: 'group:move',
      parent: 'root',
      path: request.to,
      former: request.group,
      lineage: ['root'],
      move: 1,
    } as const
    return { path: request.to, order: this.isMoved ? null : { ...order, lineage: [...order.lineage] } }
  }

  async moveGroup(request: GroupMoveRequest & { order?: SignedMove }): Promise<GroupMoved> {
    this.#note('moveGroup', request)
    return { group: { ...GROUP, path: request.to }, released: !this.isMoved }
  }

  async takeSeat(request: SeatRequest): Promise<GroupView> {
    this.#note('takeSeat', request)
    return GROUP
  }

  async members(request: { group?: string } = {}): Promise<MemberView[]> {
    this.#note('members', request)
    const member = { role: 'member' as const, since: STARTED, addresses: ['/ip4/127.0.0.1/tcp/4950'] }
    return [
      {
        ...member,
        peerId: PEER,
        name: 'alpha',
        state: 'alive',
        why: '',
        connected: true,
        relayed: false,
        self: true,
        voter: true,
        leader: true,
        units: [],
        rttMs: null,
      },
      {
        ...member,
        peerId: `${PEER.slice(0, -1)}2`,
        name: 'beta\u001b[31m',
        state: 'failed',
        why: 'silent for 3 s; asked through gamma',
        connected: false,
        relayed: false,
        self: false,
        voter: false,
        leader: false,
        units: ['files'],
        rttMs: 0.4,
      },
    ]
  }

  async wait(conditions: WaitConditions, signal?: AbortSignal): Promise<{ waitedMs: number }> {
    this.#note('wait', conditions)
    if ((conditions.members ?? 0) > 99) {
      this.waiting = signal
      await untilAborted(signal)
    }
    if ((conditions.members ?? 0) > 2) throw new TimeoutError('still missing: members (2 of 3)')
    return { waitedMs: 7 }
  }

  async createInvitation(request: {
    uses: number
  }): Promise<{ id: string; token: string; expiresAt: string; warnings: string[] }> {
    this.#note('createInvitation', request)
    return { id: 'inv1', token: 'vsmcp1.secret', expiresAt: STARTED, warnings: ['only loopback addresses are in it'] }
  }

  async invitations(): Promise<InvitationView[]> {
    this.#note('invitations')
    return [{ id: 'inv1', role: 'member', uses: 2, used: 1, createdBy: PEER, expiresAt: STARTED, state: 'open' }]
  }

  async revokeInvitation(id: string): Promise<void> {
    this.#note('revokeInvitation', id)
  }

  charterView: CharterView = {
    mesh: { id: '00112233445566778899aabbccddeeff', name: 'plant' },
    group: { id: 'root', path: '/' },
    epoch: 1,
    featureLevel: 2,
    index: 17,
    digest: 'ab'.repeat(32),
    current: true,
    certifiedBy: 'certificate',
    voters: [PEER],
    policies: { retries: 2 },
    policyVersion: 2,
    policyHistory: [{ version: 2, digest: 'cd'.repeat(32), by: 'operator', reason: 'fewer retries', at: STARTED, index: 17 }],
    operators: [{ name: 'operator', publicKey: 'AAAA', recovery: false }],
    operatorsVersion: 1,
    revocations: [],
  }

  charterFile = '{"format":"vsmcp charter 1"}\n'

  async charter(request: { group?: string } = {}): Promise<CharterView> {
    this.#note('charter', request)
    return this.charterView
  }

  async exportCharter(request: { group?: string } = {}): Promise<{ file: string }> {
    this.#note('exportCharter', request)
    return { file: this.charterFile }
  }

  async changeCharter(change: SignedChange & { group?: string }): Promise<{ changed: boolean }> {
    this.#note('changeCharter', change)
    return { changed: true }
  }

  async anchorChain(request: { anchor: string; group?: string }): Promise<{ changed: boolean; links: number }> {
    this.#note('anchorChain', request)
    return { changed: true, links: 17 }
  }

  async draftEviction(member: string, request: { group?: string } = {}): Promise<EvictionDraft> {
    this.#note('draftEviction', { member, ...request })
    return { peerId: PEER, name: member, joinedAtIndex: 5, untilMs: 1_800_000_000_000 }
  }

  async evict(order: SignedEviction & { group?: string }): Promise<void> {
    this.#note('evict', order)
  }

  async keys(): Promise<KeysView> {
    this.#note('keys')
    const previous = { id: 'AAAAAAAAAAA', acceptedUntil: STARTED }
    return {
      identity: PEER,
      mesh: { id: '00112233445566778899aabbccddeeff', here: true },
      session: { id: 'BBBBBBBBBBB', rotatedAt: STARTED, held: true, previous },
    }
  }

  async rotateSessionKey(): Promise<{ id: string }> {
    this.#note('rotateSessionKey')
    return { id: 'CCCCCCCCCCC' }
  }

  async backup(): Promise<{ text: string }> {
    this.#note('backup')
    return { text: '{"kind":"vsmcp-backup"}\n' }
  }

  async leave(): Promise<void> {
    this.#note('leave')
    await this.onShutdown()
  }

  async shutdown(): Promise<void> {
    this.#note('shutdown')
    await this.onShutdown()
  }

  async attach(request: AttachRequest): Promise<AttachResult> {
    this.#note('attach', request)
    const known = this.units_.get(request.name)
    if (known !== undefined && JSON.stringify(known.request.source) === JSON.stringify(request.source)) {
      return { outcome: 'unchanged', unit: known.view }
    }
    if (known !== undefined && !request.replace) {
      throw new FakeError('VSMCP_UNIT_EXISTS', `unit ${request.name} is attached with another command`, {
        hint: 'Add --replace.',
      })
    }
    const view: UnitView = {
      name: request.name,
      node: PEER,
      nodeName: 'alpha',
      local: true,
      kind: request.source.kind,
      state: 'ready',
      server: { name: 'fake', version: '1' },
      era: 'legacy',
      tools: 2,
      resources: 0,
      prompts: 0,
      figures: { calls: 0, errors: 0, inFlight: 0, latencyP50Ms: null, latencyP99Ms: null },
    }
    this.units_.set(request.name, { view, request })
    return { outcome: known === undefined ? 'attached' : 'replaced', unit: view }
  }

  async detach(name: string): Promise<void> {
    this.#note('detach', name)
    if (!this.units_.delete(name)) throw new InvalidArgumentError(`there is no unit ${name}`)
  }

  async apply(request: ApplyRequest): Promise<{ changes: { name: string; outcome: 'attached' }[] }> {
    this.#note('apply', request)
    return { changes: request.units.map(({ name }) => ({ name, outcome: 'attached' })) }
  }

  async units(request: { group?: string } = {}): Promise<UnitView[]> {
    this.#note('units', request)
    return [...this.units_.values()].map(({ view }) => view)
  }

  found: FindingView[] = []

  async findings(): Promise<FindingView[]> {
    this.#note('findings')
    return this.found
  }

  proposed: ProposalView[] = []

  async proposals(request: ProposalsRequest): Promise<ProposalView[]> {
    this.#note('proposals', request)
    return this.proposed
  }

  async decideProposal(request: DecideRequest): Promise<ProposalView> {
    this.#note('decideProposal', request)
    const proposal = this.proposed.find(({ id }) => id === request.id)
    if (proposal === undefined) throw new InvalidArgumentError(`there is no proposal ${request.id}`)
    return proposal
  }

  claimed: ResourceView[] = []

  async claims(): Promise<ResourceView[]> {
    this.#note('claims')
    return this.claimed
  }

  scheduled: ScheduleView[] = []

  async schedules(): Promise<ScheduleView[]> {
    this.#note('schedules')
    return this.scheduled
  }

  async addSchedule(request: ScheduleRequest): Promise<ScheduleAdded> {
    this.#note('addSchedule', request)
    return { outcome: 'added', name: request.name, next: [STARTED], warnings: ['nobody offers the tool now'] }
  }

  async removeSchedule(name: string): Promise<void> {
    this.#note('removeSchedule', name)
    if (!this.scheduled.some((each) => each.name === name)) {
      throw new FakeError('VSMCP_NODE_SCHEDULE_UNKNOWN', `there is no schedule ${name}`, {})
    }
  }

  async tools(request: { group?: string } = {}): Promise<ToolView[]> {
    this.#note('tools', request)
    return [...this.units_.keys()].flatMap((unit) =>
      ['read', 'write'].map((tool) => ({
        name: tool,
        qualifiedName: `${unit}__${tool}`,
        unit,
        node: PEER,
        nodeName: 'alpha',
        description: `${tool}s a file`,
        readOnly: tool === 'read',
      })),
    )
  }

  async call(request: ToolCallRequest): Promise<ToolCallAnswer> {
    const { signal: _, onProgress: __, ...input } = request
    this.#note('call', input)
    const result = await this.onCall(request)
    return { result, isError: result['isError'] === true, unit: 'files', node: PEER, nodeName: 'alpha', latencyMs: 1.5 }
  }

  async alerts(request: AlertsRequest): Promise<AlertView[]> {
    this.#note('alerts', request)
    return [ALERT, ...(request.all ? [{ ...ALERT, id: 'old', state: 'over' as const, due: null, over: MARK }] : [])]
  }

  async *watchAlerts({ signal }: { signal?: AbortSignal }): AsyncIterable<AlertEvent> {
    this.#note('watchAlerts')
    yield { event: 'open', at: STARTED, alert: ALERT }
    yield { event: 'over', at: STARTED, alert: { ...ALERT, state: 'over', due: null, over: MARK } }
    if (this.endsWatch) return
    await untilAborted(signal)
  }

  async raiseAlert(request: AlertRequest): Promise<AlertRaised> {
    this.#note('raiseAlert', request)
    return { id: 'a1b2c3d4e5f6', outcome: 'raised', decided: request.severity !== 'low' }
  }

  async acknowledgeAlert(request: AlertMarkRequest): Promise<void> {
    this.#note('acknowledgeAlert', request)
  }

  async resolveAlert(request: AlertMarkRequest): Promise<void> {
    this.#note('resolveAlert', request)
  }

  async forecast(request: ForecastRequest): Promise<ForecastView> {
    this.#note('forecast', request)
    return fakeForecast
  }

  async feeds(): Promise<FeedView[]> {
    this.#note('feeds')
    return [fakeFeed]
  }

  async addFeed(request: FeedRequest): Promise<FeedView> {
    this.#note('addFeed', request)
    return { ...fakeFeed, ...request }
  }

  async removeFeed(name: string): Promise<void> {
    this.#note('removeFeed', name)
  }

  async whatIf(request: WhatIfRequest): Promise<FutureView> {
    this.#note('whatIf', request)
    return fakeFuture
  }

  async self(): Promise<SelfView> {
    this.#note('self')
    return fakeSelf
  }

  async *logs(request: LogsRequest): AsyncIterable<LogLine> {
    const { signal, ...input } = request
    this.#note('logs', input)
    const { unit, sinceMs = 0 } = request
    yield* this.log.filter((line) => (unit === undefined || line.unit === unit) && Date.parse(line.time) >= sinceMs)
    if (!request.follow) return
    for (;;) yield await this.nextLogLine(signal)
  }

  async tree(): Promise<PartView[]> {
    this.#note('tree')
    const part = { state: 'running', strategy: null, restart: 'permanent', restarts: 0, lastError: null, mailbox: null } as const
    return [
      { ...part, path: ['node'], strategy: 'one_for_one' },
      { ...part, path: ['node', 'system3'], strategy: 'one_for_one' },
      {
        ...part,
        path: ['node', 'system3', 'reports'],
        restarts: 2,
        lastError: 'no report',
        mailbox: { length: 3, lengthMax: 1_000, refused: 4, dropped: 1 },
      },
    ]
  }

  async doctor(): Promise<{ checks: { name: string; state: 'ok' | 'warn'; found: string; advice?: string }[] }> {
    this.#note('doctor')
    return {
      checks: [
        { name: 'clock', state: 'ok', found: '2 ms from the others' },
        { name: 'reachability', state: 'warn', found: 'beta does not answer', advice: 'Is its port open?' },
      ],
    }
  }
}

/** Never resolves; rejects when the signal aborts. */
export function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  return promise
}
