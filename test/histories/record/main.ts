/**
 * Records how this version writes: frames, joins, charters, credentials, documents, a log, a data directory.
 * `node test/histories/record/main.ts VERSION [FOLDER]` writes test/histories/VERSION (or FOLDER), once per release, never again.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { silentLogger, systemClock } from '../../../packages/kernel/src/index.ts'
import { openStore } from '../../../packages/store/src/index.ts'
import { keep } from './kept-directory.ts'
import { liveThrough } from './live-mesh.ts'
import { authorityOf, type KeptLog, logOf } from './log-samples.ts'
import { bytesOf, type Sample, sampleOf } from './means.ts'
import { Tap } from './tap.ts'
import { frameSamples, helloSamples } from './wire-samples.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function record(version: string, folder: string): Promise<void> {
  const tap = new Tap()
  tap.putIn()
  const scratch = await mkdtemp(join(tmpdir(), 'vsmcp-record-'))
  try {
    const { dataDir, token } = await liveThrough(scratch)
    const enrolment = JSON.parse(await readFile(join(dataDir, 'enrolment.json'), 'utf8')) as Kept
    const log = await logOf(dataDir, authorityOf(enrolment.chain))
    const offer = tap.join.find(({ name }) => name === 'join: offer')?.means as { passport: { $bytes: string } } | undefined
    if (offer === undefined) throw new Error('nobody joined')
    const passport = bytesOf({ bytes: offer.passport.$bytes })
    await mkdir(folder, { recursive: true })
    const write = (name: string, value: unknown): Promise<void> =>
      writeFile(join(folder, name), `${JSON.stringify(value, null, 1)}\n`)
    await write('facts.json', { version, meshId: enrolment.meshId, recordedAtMs: Math.round(systemClock.wallMs()) })
    await write('hello.json', helloSamples(passport))
    await write('rpc.json', frameSamples())
    await write('control.json', tap.control)
    await write('join.json', tap.join)
    await write('trust.json', trustSamples(enrolment, token, log, passport))
    await write('shared-state.json', [...tap.sharedState, ...(await envelopes(dataDir))])
    await write('log.json', log)
    await writeFile(join(folder, 'data-directory.json.gz'), await keep(dataDir))
    if (tap.unknown.size > 0) console.log(`not recorded: ${[...tap.unknown].join(', ')}`)
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 })
  }
}

interface Kept {
  meshId: string
  chain: string
  credential: unknown
}

function trustSamples(enrolment: Kept, token: string, log: KeptLog, passport: Uint8Array): Sample[] {
  const { charter } = JSON.parse(Buffer.from(log.from, 'base64').toString('utf8')) as { charter: unknown }
  return [
    sampleOf('chain', 'the voters from the mesh key to now', new Uint8Array(Buffer.from(enrolment.chain, 'base64'))),
    sampleOf('credential', "the founder's, signed by itself", text(JSON.stringify(enrolment.credential))),
    sampleOf('passport', 'as shown to a joiner', passport),
    sampleOf('token', 'an invitation of three uses', text(token)),
    sampleOf('charter', 'the first', text(JSON.stringify(charter))),
    sampleOf('group-state', 'at the end', new Uint8Array(Buffer.from(log.to, 'base64'))),
  ]
}

/** The records of the shared document, each under its id. */
async function envelopes(dataDir: string): Promise<Sample[]> {
  const store = await openStore({ dir: dataDir })({ clock: systemClock, logger: silentLogger })
  const samples: Sample[] = []
  for await (const [key, bytes] of store.kv('state').entries({ gte: 'rec/', lt: 'rec0' })) {
    const id = key.slice('rec/'.length)
    samples.push(sampleOf('envelope', id.split('/')[0] ?? id, new Uint8Array(Buffer.concat([text(`${id}\n`), bytes]))))
  }
  await store.stop()
  return samples
}

const [version, folder = fileURLToPath(new URL(`../${version ?? ''}`, import.meta.url))] = process.argv.slice(2)
if (version === undefined || existsSync(join(folder, 'facts.json'))) {
  console.error(
    version === undefined ? 'Say which version is recorded.' : `${folder} is recorded already: a recording is never made anew.`,
  )
  process.exitCode = 2
} else await record(version, folder)
