import { z } from 'zod'
import * as selfSchema from './self-schemas.ts'
import { ENDPOINTS } from './endpoints.ts'
import { finished, route } from './route.ts'
import * as schema from './schemas.ts'

/** What a node knows of itself, and foresees. */
export const SELF_ROUTES = {
  tree: route({
    ...ENDPOINTS.tree,
    input: schema.nothing,
    output: z.array(selfSchema.partView),
    errors: [],
    run: (control) => control.tree(),
  }),
  forecast: route({
    ...ENDPOINTS.forecast,
    input: selfSchema.forecastRequest,
    output: selfSchema.forecastView,
    errors: ['VSMCP_NODE_UNIT_UNKNOWN', 'VSMCP_NOT_SENT', 'VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN', 'VSMCP_REMOTE'],
    run: (control, input) => control.forecast(input),
  }),
  feeds: route({
    ...ENDPOINTS.feeds,
    input: schema.nothing,
    output: z.array(selfSchema.feedView),
    errors: [],
    run: (control) => control.feeds(),
  }),
  addFeed: route({
    ...ENDPOINTS.addFeed,
    input: selfSchema.feedRequest,
    output: selfSchema.feedView,
    errors: ['VSMCP_NODE_FEED_UNREADABLE', 'VSMCP_BUSY'],
    run: (control, input) => control.addFeed(input),
  }),
  removeFeed: route({
    ...ENDPOINTS.removeFeed,
    input: selfSchema.feedName,
    output: schema.done,
    errors: ['VSMCP_NODE_FEED_UNKNOWN'],
    run: (control, { name }) => finished(control.removeFeed(name)),
  }),
  whatIf: route({
    ...ENDPOINTS.whatIf,
    input: selfSchema.whatIfRequest,
    output: selfSchema.futureView,
    errors: ['VSMCP_BUSY', 'VSMCP_TIMEOUT'],
    run: (control, input, { signal }) => control.whatIf(input, signal),
  }),
  self: route({
    ...ENDPOINTS.self,
    input: schema.nothing,
    output: selfSchema.selfView,
    errors: [],
    run: (control) => control.self(),
  }),
} as const
