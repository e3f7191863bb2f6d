import type { AlertEvent } from '@vsmcp/node'
import { z } from 'zod'
import * as alertSchema from './alert-schemas.ts'
import { ENDPOINTS } from './endpoints.ts'
import { finished, route } from './route.ts'
import * as schema from './schemas.ts'

const ALERT_MARK_ERRORS = ['VSMCP_NODE_ALERT_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'] as const

/** Pain and pleasure. */
export const ALERT_ROUTES = {
  alerts: route({
    ...ENDPOINTS.alerts,
    input: alertSchema.alertsRequest,
    output: z.array(alertSchema.alertView),
    errors: [],
    run: (control, input) => control.alerts(input),
  }),
  watchAlerts: route({
    ...ENDPOINTS.watchAlerts,
    input: schema.nothing,
    output: alertSchema.alertEvent,
    errors: [],
    run: (control, _, { signal }): AsyncIterable<AlertEvent> => control.watchAlerts({ signal }),
  }),
  raiseAlert: route({
    ...ENDPOINTS.raiseAlert,
    input: alertSchema.alertRequest,
    output: alertSchema.alertRaised,
    errors: ['VSMCP_NODE_ALERT_REFUSED'],
    run: (control, input) => control.raiseAlert(input),
  }),
  acknowledgeAlert: route({
    ...ENDPOINTS.acknowledgeAlert,
    input: alertSchema.alertMarkRequest,
    output: schema.done,
    errors: ALERT_MARK_ERRORS,
    run: (control, input) => finished(control.acknowledgeAlert(input)),
  }),
  resolveAlert: route({
    ...ENDPOINTS.resolveAlert,
    input: alertSchema.alertMarkRequest,
    output: schema.done,
    errors: ALERT_MARK_ERRORS,
    run: (control, input) => finished(control.resolveAlert(input)),
  }),
} as const
