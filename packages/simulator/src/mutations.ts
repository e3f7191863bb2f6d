import { EPOCH_MUTATIONS } from './epoch-mutations.ts'
import { GROUP_MUTATIONS } from './group-mutations.ts'
import { MEMBERSHIP_MUTATIONS } from './membership-mutations.ts'
import type { Mutation } from './mutation.ts'
import { RAFT_MUTATIONS } from './raft-mutations.ts'

/** Every rule that the simulation must be able to miss. `seedsMax` is some three times what each took when it was written. */
export const MUTATIONS: readonly Mutation[] = [...RAFT_MUTATIONS, ...GROUP_MUTATIONS, ...EPOCH_MUTATIONS, ...MEMBERSHIP_MUTATIONS]
