import { z } from 'zod'
import * as proposalSchema from './proposal-schemas.ts'
import { ENDPOINTS } from './endpoints.ts'
import { route } from './route.ts'

/** What Systems 3 and 4 propose. */
export const PROPOSAL_ROUTES = {
  proposals: route({
    ...ENDPOINTS.proposals,
    input: proposalSchema.proposalsRequest,
    output: z.array(proposalSchema.proposalView),
    errors: [],
    run: (control, input) => control.proposals(input),
  }),
  decideProposal: route({
    ...ENDPOINTS.decideProposal,
    input: proposalSchema.decideRequest,
    output: proposalSchema.proposalView,
    errors: ['VSMCP_NODE_PROPOSAL_UNKNOWN', 'VSMCP_NODE_PROPOSAL_REFUSED', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.decideProposal(input),
  }),
} as const
