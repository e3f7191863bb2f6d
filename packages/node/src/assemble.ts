import { type Clock, type GroupId, type Random, seededRandom } from '@vsmcp/kernel'
import { createUnit } from '@vsmcp/mcp'
import type { Identity } from '@vsmcp/security'
import { type Assembly, type Ground, GroupView, type MakeUnit } from './assembly/assembly.ts'
import { callParts } from './assembly/call-parts.ts'
import { governingParts } from './assembly/governing-parts.ts'
import { homeParts } from './assembly/home-parts.ts'
import { hostParts } from './assembly/host-parts.ts'
import { meshParts } from './assembly/mesh-parts.ts'
import { stateParts } from './assembly/state-parts.ts'
import { scheduleParts } from './assembly/system2-parts.ts'
import { system5Parts } from './assembly/system5-parts.ts'
import { trustParts } from './assembly/trust-parts.ts'
import type { GroupParts, HostParts, Parts } from './parts.ts'
import { GroupServer } from './recursion/group-server.ts'

/** Wires a node: what its process has once, its membership in the home group, and what clients of that see. */
export function assemble(ground: Ground): Parts {
  const random = seededRandom(randomSeed(ground.identity, ground.clock))
  const host = hostParts(ground, random)
  const { assembly, parts } = assembleGroup({ ...ground, host, random, makeUnit: unitMaker(ground, host) })
  return { ...host, ...parts, ...homeParts(assembly, parts) }
}

/** Wires a membership in one more group, on the connections of a process that has them already. */
export function assembleSeat(ground: Ground, host: HostParts): GroupParts {
  const random = seededRandom(randomSeed(ground.identity, ground.clock))
  return assembleGroup({ ...ground, host, random, makeUnit: unitMaker(ground, host) }).parts
}

/** Servers run under the process's guard; groups below are asked through the seats that this process has in them. */
function unitMaker({ init: { version }, enrolment }: Ground, { guard, memberships }: HostParts): MakeUnit {
  const groupOf = (group: GroupId): GroupServer => new GroupServer({ group, parent: enrolment.groupId, version }, memberships)
  return (spec, components) =>
    createUnit({ spec, client: { name: 'vsmcp', version } })({ processes: guard, groupOf, ...components })
}

/** Subject by subject, each from those before it. What one part needs of a later one it asks of the whole, when all are there. */
function assembleGroup(ground: Ground & { host: HostParts; random: Random; makeUnit: MakeUnit }): {
  assembly: Assembly
  parts: GroupParts
} {
  const whole = (): GroupParts => parts
  const assembly: Assembly = { ...ground, self: ground.identity.peerId, group: new GroupView(whole), whole }
  const trust = trustParts(assembly)
  const connected = { ...trust, ...meshParts(assembly, trust) }
  const deciding = { ...connected, ...system5Parts(assembly, connected) }
  const telling = { ...deciding, ...stateParts(assembly, deciding) }
  const calling = { ...telling, ...callParts(assembly, telling) }
  const parts: GroupParts = { ...calling, ...scheduleParts(assembly, calling), ...governingParts(assembly, calling) }
  return { assembly, parts }
}

/** Jitter must differ between nodes that start at the same moment. */
function randomSeed({ peerId }: Identity, clock: Clock): number {
  let seed = Math.round(clock.wallMs())
  for (const character of peerId) seed = (Math.imul(seed, 31) + (character.codePointAt(0) ?? 0)) | 0
  return seed
}
