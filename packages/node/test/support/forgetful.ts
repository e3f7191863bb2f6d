import type { Keeping } from '../../src/tree/checkpoint.ts'

/** Nothing is remembered, and nothing kept. */
export const FORGETFUL: Keeping<never> = { begin: async () => undefined, end: async () => {} }
