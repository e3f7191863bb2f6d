import { z } from 'zod'
import * as coordinationSchema from './coordination-schemas.ts'
import { ENDPOINTS } from './endpoints.ts'
import { finished, route } from './route.ts'
import * as schema from './schemas.ts'

/** System 2: claims and schedules. */
export const COORDINATION_ROUTES = {
  claims: route({
    ...ENDPOINTS.claims,
    input: schema.nothing,
    output: z.array(coordinationSchema.resourceView),
    errors: [],
    run: (control) => control.claims(),
  }),
  schedules: route({
    ...ENDPOINTS.schedules,
    input: schema.nothing,
    output: z.array(coordinationSchema.scheduleView),
    errors: [],
    run: (control) => control.schedules(),
  }),
  addSchedule: route({
    ...ENDPOINTS.addSchedule,
    input: coordinationSchema.scheduleRequest,
    output: coordinationSchema.scheduleAdded,
    errors: ['VSMCP_NODE_SCHEDULE_EXISTS', 'VSMCP_NODE_MEMBER_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.addSchedule(input),
  }),
  removeSchedule: route({
    ...ENDPOINTS.removeSchedule,
    input: coordinationSchema.scheduleName,
    output: schema.done,
    errors: ['VSMCP_NODE_SCHEDULE_UNKNOWN', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, { name }) => finished(control.removeSchedule(name)),
  }),
} as const
