import {
  type GroupFigures,
  type GroupNow,
  type GroupRecord,
  type GroupVariety,
  type RecordAlert,
  ToolFilter,
} from '../../src/index.ts'

export const NOW = 1_800_000_000_000

export const figures = (more: Partial<GroupFigures> = {}): GroupFigures => ({
  windowMs: 5_000,
  calls: 10,
  errors: 1,
  turnedAway: 0,
  inFlight: 2,
  queued: 1,
  latencyMs: 20,
  actuality: 1.8,
  capability: 4,
  potentiality: 8,
  ...more,
})

export const variety = (more: Partial<GroupVariety> = {}): GroupVariety => ({
  calls: 10,
  outcomes: { ok: 9, error: 1 },
  demandBits: 2,
  responseBits: 1.5,
  outcomeBits: 0.5,
  residualBits: 0.3,
  ...more,
})

export const alert = (id: string, more: Partial<RecordAlert> = {}): RecordAlert => ({
  id,
  severity: 'high',
  system: 'system1',
  origin: 'organ',
  subject: `subject of ${id}`,
  onsetMs: NOW - 1_000,
  isAcknowledged: false,
  group: 'g-child',
  ...more,
})

export const groupRecord = (more: Partial<GroupRecord> = {}): GroupRecord => ({
  group: 'g-child',
  voice: 'voice',
  epoch: 1,
  term: 3,
  sequence: 7,
  atMs: NOW,
  untilMs: NOW + 60_000,
  path: '/child',
  members: 3,
  groups: 0,
  depth: 0,
  figures: figures(),
  variety: variety(),
  alerts: [],
  alertsOpen: 0,
  exports: 'a'.repeat(64),
  tools: ToolFilter.of(['read', 'write']).toText(),
  revocations: [],
  followed: [],
  ...more,
})

export const groupNow = (more: Partial<GroupNow> = {}): GroupNow => ({
  path: '/child',
  members: 3,
  figures: figures(),
  variety: variety(),
  alerts: [],
  exports: 'a'.repeat(64),
  tools: ToolFilter.of(['read']),
  evictions: [],
  lineage: ['root'],
  charter: { version: 1, digest: 'b'.repeat(64) },
  followed: [],
  ...more,
})

export const JSON_OF = (bytes: Uint8Array): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
export const BYTES_OF = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
