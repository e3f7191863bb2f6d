import { ensureCommands } from '../../scripts/lib/debian-packages.ts'
import { whyNoNamespaces } from './namespaces.ts'

/** Installs what is missing before any test has its time to keep, and says it at once when there will be none. */
export async function setup(): Promise<void> {
  const say = (line: string): void => console.log(`partitions: ${line}`)
  const why = await whyNoNamespaces(say)
  if (why !== undefined) return say(`skipped, ${why}`)
  const whyNoCompiler = await ensureCommands({ cc: 'gcc' }, say)
  if (whyNoCompiler !== undefined) say(`no failing disks, ${whyNoCompiler}`)
}
