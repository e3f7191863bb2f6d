/**
 * A process of its own that opens the store named in its arguments and, as told, holds it or writes without end:
 * raft saves and key-value batches, several in flight, one line on stdout for each that was acknowledged.
 */
import { writeSync } from 'node:fs'
import { silentLogger, systemClock, toErrorShape } from '@vsmcp/kernel'
import { openStore } from '../../src/index.ts'

const IN_FLIGHT = 4
const [, , task = '', dir = ''] = process.argv

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

/** Each round: one raft save of one entry, and one batch of two keys that must always be equal. */
async function writeForEver(): Promise<void> {
  const store = await openStore({ dir })({ clock: systemClock, logger: silentLogger })
  const kv = store.kv('pairs')
  let index = (await store.raft.load())?.entries.at(-1)?.index ?? 0
  const encoder = new TextEncoder()
  const lane = async (): Promise<void> => {
    for (;;) {
      const at = ++index
      const value = encoder.encode(String(at).repeat(1 + (at % 200)))
      await Promise.all([
        store.raft.save({
          hardState: { term: at, vote: `voter-${at}`, commit: at - 1 },
          entries: [{ index: at, term: at, type: 'normal', data: value }],
          mustSync: true,
        }),
        kv.write(
          [
            { type: 'put', key: `left-${at % 8}`, value },
            { type: 'put', key: `right-${at % 8}`, value },
          ],
          { sync: true },
        ),
      ])
      say(String(at))
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}

async function hold(): Promise<void> {
  const store = await openStore({ dir })({ clock: systemClock, logger: silentLogger })
  say('open')
  process.stdin.on('end', () => void store.stop().then(() => process.exit(0)))
  process.stdin.resume()
}

try {
  await (task === 'hold' ? hold() : writeForEver())
} catch (error) {
  say(`error ${toErrorShape(error).code}`)
  process.exit(1)
}
