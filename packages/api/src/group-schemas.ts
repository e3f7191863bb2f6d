import { FOLLOWED_STATES, GROUP_DEPTH_MAX, SEVERITIES } from '@vsmcp/kernel'
import { z } from 'zod'
import { count, signed, text } from './schema-fields.ts'

// Shapes of groups, as in schemas.ts.

export const ofGroup = z.object({ group: text.min(1).exactOptional() })
export const groupPath = z.object({ path: text.min(1) })
export const groupCreateRequest = z.object({ path: text.min(1) })
export const groupRenameRequest = z.object({ group: text.min(1), name: text.min(1) })
const moveOrder = {
  op: z.literal('group:move'),
  parent: text.min(1),
  path: text.min(1),
  former: text.min(1),
  lineage: z.array(text.min(1)).max(GROUP_DEPTH_MAX),
  move: z.int().positive(),
}
export const groupMoveRequest = z.object({ group: text.min(1), to: text.min(1), token: text.min(1).exactOptional() })
export const groupMoveDraft = z.object({ path: text, order: z.object(moveOrder).nullable() })
export const groupMove = z.object({
  group: text.min(1),
  to: text.min(1),
  order: z.strictObject({ ...signed, ...moveOrder }).exactOptional(),
})
export const seatRequest = z.object({ token: text.min(1) })

const amount = z.number().nonnegative()

const groupTold = z.object({
  at: text,
  members: count,
  groups: count,
  levels: count,
  toolNames: count,
  callsPerS: amount,
  errorShare: amount.nullable(),
  inFlight: count,
  latencyMs: amount.nullable(),
  actuality: amount,
  capability: amount.nullable(),
  potentiality: amount.nullable(),
  demandBits: amount,
  outcomeBits: amount,
  residualBits: amount,
  alertsOpen: count,
  alerts: z.array(
    z.object({ id: text, severity: z.enum(SEVERITIES), subject: text, group: text, onset: text, acknowledged: z.boolean() }),
  ),
  followed: z.array(z.object({ id: text, by: text, state: z.enum(FOLLOWED_STATES), reason: text })),
})

const heldTo = z.object({ id: text, by: text, order: text, reason: text, until: text, refused: text.nullable() })

const rate = amount.nullable()
const share = z.number().min(0).max(1).nullable()
/** An achievement and its indices. */
export const work = z.object({
  actuality: amount,
  capability: rate,
  potentiality: rate,
  productivity: share,
  latency: share,
  performance: share,
})

const above = { id: text, path: text, reached: z.boolean(), since: text }

export const groupView = z.object({
  id: text,
  path: text,
  part: z.enum(['home', 'seat', 'none']),
  parent: z.object(above).nullable(),
  awaited: z.boolean(),
  members: z.object({ known: count, alive: count }).nullable(),
  leaderName: text.nullable(),
  delegates: z.array(z.object({ peerId: text, name: text, alive: z.boolean() })),
  told: groupTold.nullable(),
  heldTo: z.array(heldTo),
  children: z.array(text),
  problem: text.nullable(),
})

export const groupMoved = z.object({ group: groupView, released: z.boolean().nullable() })

export const recursionView = z.object({
  above: z.object({ ...above, heard: text.nullable() }).nullable(),
  below: z.array(
    z.object({
      id: text,
      path: text,
      awaited: z.boolean(),
      told: work.extend({ at: text, members: count, groups: count, levels: count, alertsOpen: count }).nullable(),
    }),
  ),
  belowMore: count,
})
