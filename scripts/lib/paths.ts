import { fileURLToPath } from 'node:url'

/** The checkout's folder, ending in a slash. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** The publishable package, written by the build. */
export const distDir = `${root}packages/cli/dist/`

/** Scratch of this checkout that survives between runs; never committed. */
export const scratchDir = `${root}.run/`
