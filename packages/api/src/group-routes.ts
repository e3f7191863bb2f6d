import { z } from 'zod'
import * as groupSchema from './group-schemas.ts'
import { ENDPOINTS } from './endpoints.ts'
import { finished, route } from './route.ts'
import * as schema from './schemas.ts'

/** Groups: founded, renamed, moved, removed; seats in them. */
export const GROUP_ROUTES = {
  groups: route({
    ...ENDPOINTS.groups,
    input: schema.nothing,
    output: z.array(groupSchema.groupView),
    errors: [],
    run: (control) => control.groups(),
  }),
  group: route({
    ...ENDPOINTS.group,
    input: groupSchema.groupPath,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, { path }) => control.group(path),
  }),
  createGroup: route({
    ...ENDPOINTS.createGroup,
    input: groupSchema.groupCreateRequest,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5', 'VSMCP_SECURITY_GROUP_GRANT_SIGNATURES'],
    run: (control, input) => control.createGroup(input),
  }),
  renameGroup: route({
    ...ENDPOINTS.renameGroup,
    input: groupSchema.groupRenameRequest,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.renameGroup(input),
  }),
  removeGroup: route({
    ...ENDPOINTS.removeGroup,
    input: groupSchema.groupPath,
    output: schema.done,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, { path }) => finished(control.removeGroup(path)),
  }),
  draftGroupMove: route({
    ...ENDPOINTS.draftGroupMove,
    input: groupSchema.groupMoveRequest,
    output: groupSchema.groupMoveDraft,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_GROUP_PLACE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.draftGroupMove(input),
  }),
  moveGroup: route({
    ...ENDPOINTS.moveGroup,
    input: groupSchema.groupMove,
    output: groupSchema.groupMoved,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_GROUP_PLACE_REFUSED', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.moveGroup(input),
  }),
  takeSeat: route({
    ...ENDPOINTS.takeSeat,
    input: groupSchema.seatRequest,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_REFUSED'],
    run: (control, input) => control.takeSeat(input),
  }),
} as const
