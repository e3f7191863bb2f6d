import { type Clock, seededRandom } from '@vsmcp/kernel'
import type { Identity } from '@vsmcp/security'
import { type Assembly, type Ground, GroupView } from './assembly/assembly.ts'
import { callParts } from './assembly/call-parts.ts'
import { meshParts } from './assembly/mesh-parts.ts'
import { stateParts } from './assembly/state-parts.ts'
import { scheduleParts } from './assembly/system2-parts.ts'
import { system5Parts } from './assembly/system5-parts.ts'
import { trustParts } from './assembly/trust-parts.ts'
import type { Parts } from './parts.ts'

/**
 * Wires a node, subject by subject: each from those before it. What one part needs of a later one it asks of the whole, when
 * all are there.
 */
export function assemble(ground: Ground): Parts {
  const { identity, clock } = ground
  const whole = (): Parts => parts
  const assembly: Assembly = {
    ...ground,
    self: identity.peerId,
    random: seededRandom(randomSeed(identity, clock)),
    group: new GroupView(whole),
    whole,
  }
  const trust = trustParts(assembly)
  const connected = { ...trust, ...meshParts(assembly, trust) }
  const deciding = { ...connected, ...system5Parts(assembly, connected) }
  const telling = { ...deciding, ...stateParts(assembly, deciding) }
  const calling = { ...telling, ...callParts(assembly, telling) }
  const parts: Parts = { ...calling, ...scheduleParts(assembly, calling) }
  return parts
}

/** Jitter must differ between nodes that start at the same moment. */
function randomSeed({ peerId }: Identity, clock: Clock): number {
  let seed = Math.round(clock.wallMs())
  for (const character of peerId) seed = (Math.imul(seed, 31) + (character.codePointAt(0) ?? 0)) | 0
  return seed
}
