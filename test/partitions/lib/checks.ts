import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import type { UnitSource } from '../../../packages/node/src/index.ts'
import type { CallRecord } from './clients.ts'
import { CALL_TIMEOUT_MS, DECISION_DEADLINE_MS, ELECTION_MS, GRACE_MS } from './constants.ts'
import { codeOf, DOCUMENTED } from './documented.ts'
import type { Charter } from './ledger.ts'
import { type Name, NAMES, type PartitionMesh, UNIT_HOSTS, unitOf } from './mesh.ts'

const NO_SYSTEM5 = 'VSMCP_NODE_NO_SYSTEM5'
const server = fileURLToPath(new URL('../../bench/call/stdio-server.ts', import.meta.url))

/** An attach starts its server before it asks for the name, milliseconds. */
const UNIT_START_MS = 15_000
/** A decision that was under way when the cut came has ended one way or the other after this, milliseconds. */
const IN_FLIGHT_MS = 500
/** Calls of each client to each unit that must at least be answered in a time in which nothing is in their way. */
const CALLS_MIN = 3

export class CheckFailed extends Error {}

function check(condition: boolean, complaint: string): void {
  if (!condition) throw new CheckFailed(complaint)
}

/** Asks for a decision that cannot be made. @returns how long the refusal took */
async function refused(what: string, work: Promise<unknown>, withinMs: number): Promise<number> {
  const started = performance.now()
  const outcome = await work.then(
    () => 'decided',
    (error: unknown) => codeOf(error),
  )
  const tookMs = performance.now() - started
  check(outcome === NO_SYSTEM5, `${what}, without a majority: ${outcome} after ${tookMs.toFixed(0)} ms`)
  check(tookMs <= withinMs + GRACE_MS, `${what} was refused only after ${tookMs.toFixed(0)} ms`)
  return tookMs
}

/**
 * The side without a majority: it decides nothing, says so in time, and still shows its lists.
 * @param charter as it was before the cut
 * @returns the longest refusal, milliseconds
 */
export async function decidesNothing(mesh: PartitionMesh, side: readonly Name[], charter: Charter): Promise<number> {
  await sleep(IN_FLIGHT_MS)
  const applied = (): Promise<number[]> => Promise.all(side.map(async (name) => (await mesh.status(name)).system5.appliedIndex))
  const [first = 'a'] = side
  const before = await applied()
  const source = {
    kind: 'stdio',
    command: process.execPath,
    args: [server],
    env: {},
    cwd: mesh.network.folder,
  } satisfies UnitSource
  const attach = { name: 'never', source, startTimeoutMs: UNIT_START_MS, replace: false }
  const refusals = await Promise.all([
    ...side.map((name) =>
      refused(
        `an invitation at ${name}`,
        mesh.api(name).createInvitation({ role: 'member', ttlMs: 60_000, uses: 1 }),
        DECISION_DEADLINE_MS,
      ),
    ),
    ...side.map((name) => refused(`a current list at ${name}`, mesh.api(name).invitations(), DECISION_DEADLINE_MS)),
    refused(`a unit's name at ${first}`, mesh.api(first, UNIT_START_MS + DECISION_DEADLINE_MS).attach(attach), UNIT_START_MS),
    refused(`a policy at ${first}`, mesh.ledger.setPolicy(first, mesh.api(first), charter), DECISION_DEADLINE_MS),
    listsStand(mesh, side).then(() => 0),
  ])
  const after = await applied()
  check(before.join() === after.join(), `without a majority ${side.join(', ')} went from ${before.join()} to ${after.join()}`)
  return Math.max(...refusals)
}

/** What needs no decision: status, members, units and tools, at once, with every unit still listed. */
export async function listsStand(mesh: PartitionMesh, side: readonly Name[]): Promise<void> {
  await Promise.all(
    side.map(async (name) => {
      const started = performance.now()
      const api = mesh.api(name)
      const [tools, members] = await Promise.all([api.tools(), api.members(), api.status()])
      const tookMs = performance.now() - started
      check(tookMs <= GRACE_MS, `lists at ${name} took ${tookMs.toFixed(0)} ms`)
      check(members.length >= NAMES.length, `${name} lists ${members.length} members`)
      for (const host of UNIT_HOSTS) {
        const listed = tools.some((tool) => JSON.stringify(tool).includes(unitOf(host)))
        check(listed, `${name} does not list the tool of ${unitOf(host)}`)
      }
      const units = await api.units()
      check(units.length >= UNIT_HOSTS.length, `${name} lists ${units.length} units`)
    }),
  )
}

/**
 * Calls between these nodes from a time until now: every one answered, as if nothing were the matter. Waits until there were
 * some of each. @returns how many
 */
export async function servesItself(mesh: PartitionMesh, side: readonly Name[], from: number): Promise<number> {
  const hosts = UNIT_HOSTS.filter((host) => side.includes(host))
  const pairs = side.flatMap((entry) => hosts.map((host) => ({ entry, host })))
  const of = ({ entry, host }: (typeof pairs)[number]): CallRecord[] =>
    mesh.clients.within(from, performance.now()).filter((record) => record.entry === entry && record.unit === unitOf(host))
  await mesh.eventually(`${CALLS_MIN} calls of each client among ${side.join(', ')}`, CALL_TIMEOUT_MS + GRACE_MS, async () =>
    pairs.every((pair) => of(pair).length >= CALLS_MIN) ? true : undefined,
  )
  let answered = 0
  for (const pair of pairs) {
    const records = of(pair)
    const bad = records.filter(({ outcome }) => outcome !== 'answered')
    const [worst] = bad
    check(
      worst === undefined,
      `${bad.length} of ${records.length} calls from ${pair.entry} to ${pair.host}, on one side, failed: ${worst?.outcome}`,
    )
    answered += records.length
  }
  return answered
}

/** A side with a majority has a leader (again), and decides. @returns who leads and when it was seen to, from now on */
export async function decides(
  mesh: PartitionMesh,
  side: readonly Name[],
  not?: Name,
): Promise<{ leader: Name; term: number; tookMs: number }> {
  const started = performance.now()
  const found = await mesh.leaderAmong(side, ELECTION_MS, not)
  const tookMs = performance.now() - started
  for (const name of side) await mesh.ledger.invite(name, mesh.api(name))
  const [one = found.leader] = side
  await mesh.ledger.setPolicy(one, mesh.api(one))
  return { ...found, tookMs }
}

function describeCall({ entry, unit, startedAt, endedAt, outcome }: CallRecord): string {
  return `${entry} → ${unit} from ${startedAt.toFixed(0)} to ${endedAt.toFixed(0)}: ${outcome}`
}

export interface Audit {
  answered: number
  /** Read-only calls that failed, by documented code. */
  refused: Record<string, number>
  acknowledged: number
  terms: number
}

/** What must hold at any time when all is well again: nothing acknowledged is lost anywhere, nobody saw two leaders. */
export async function audit(mesh: PartitionMesh): Promise<Audit> {
  const missing = await Promise.all(
    NAMES.map(async (name) => (await mesh.ledger.missingAt(mesh.api(name))).map((id) => `${id} at ${name}`)),
  )
  check(missing.flat().length === 0, `acknowledged and lost: ${missing.flat().join(', ')}`)
  check(mesh.watch.violations.length === 0, mesh.watch.violations.join('; '))
  const faults = mesh.clients.records.filter(({ isFault }) => isFault)
  check(faults.length === 0, `calls that ended as they never should: ${faults.map(describeCall).join('; ')}`)
  const refusedCalls: Record<string, number> = {}
  let answered = 0
  for (const { outcome } of mesh.clients.records) {
    if (outcome === 'answered') answered++
    else refusedCalls[outcome] = (refusedCalls[outcome] ?? 0) + 1
  }
  const strange = Object.keys(refusedCalls).filter((code) => code !== 'entry down' && !DOCUMENTED.has(code))
  check(strange.length === 0, `not documented: ${strange.join(', ')}`)
  return { answered, refused: refusedCalls, acknowledged: mesh.ledger.size, terms: mesh.watch.terms.size }
}
