import { ensureBuilt } from '../../scripts/build.ts'

/** The tests here run the command as it is published. */
export async function setup(): Promise<void> {
  await ensureBuilt({ say: () => {} })
}
