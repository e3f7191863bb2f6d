/**
 * `pnpm sim`: lives of a simulated group.
 *
 *     pnpm sim --seed 17             replays one life, every step of it as a line; `--life MS` for one of another length
 *     pnpm sim --seeds 100000        lives many, on all cores; `--from N` begins elsewhere, `--jobs N` takes fewer cores
 *     pnpm sim --explore 10          all interleavings of three voters, to that many steps
 *     pnpm sim --mutations [WORD …]  plants every broken rule (or those named so) and sees each caught
 *     pnpm sim --mesh 100,10000      a mesh of so many nodes in nested groups, measured; `--measured MS`, `--from SEED`
 *     pnpm sim --mesh-faults 10      so many seeds of groups cut off, delegates killed and delegates that lie
 *     pnpm ablation                  lives of a mesh with and without each organ: writes docs/ablation; `--seeds N`, `--jobs N`
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { messageOf } from '@vsmcp/kernel'
import { liveAblation, writeAblation } from './command/ablation.ts'
import { mutationsNamed, runMutants } from './command/mutants.ts'
import { liveFaults, measureSizes, tableOf } from './command/nested.ts'
import type { Failure } from './command/lives.ts'
import { liveInParallel } from './command/parallel.ts'
import { LIFE_MS } from './constants.ts'
import { EXPLORATIONS, explore } from './explore.ts'
import { simulate } from './index.ts'

/** Lives of each variant of the ablation. */
const ABLATION_SEEDS = 30

/** Milliseconds between lines of progress. */
const PROGRESS_MS = 5_000

const USAGE = `usage: pnpm sim --seed N [--life MS]             replays one life, every step of it as a line
       pnpm sim --seeds N [--from N] [--jobs N]  lives many
       pnpm sim --explore DEPTH                  all interleavings of three voters
       pnpm sim --mutations [WORD …]             plants broken rules and sees each caught
       pnpm sim --mesh N[,N…] [--measured MS]    measures meshes of nested groups
       pnpm sim --mesh-faults N [--from N]       lives of nested groups under faults
       pnpm ablation [--seeds N] [--jobs N]      a mesh with and without each organ, into docs/ablation`

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const asJson = (value: unknown): void => say(JSON.stringify(value))

function replay(seed: number, lifeMs: number): number {
  try {
    say(JSON.stringify(simulate({ seed, lifeMs, trace: say })))
    return 0
  } catch (error) {
    say(`seed ${seed}: ${messageOf(error)}`)
    return 1
  }
}

function sayFailure({ seed, message }: Failure): void {
  say(`seed ${seed} failed: ${message}\n  replay it with: pnpm sim --seed ${seed}`)
}

async function many(from: number, count: number, jobs: number): Promise<number> {
  const started = performance.now()
  let toldAt = started
  say(`seeds ${from} to ${from + count - 1}, ${jobs} processes`)
  const { totals, failures } = await liveInParallel({ from, count, jobs }, ({ lives, steps, elections }, failure) => {
    if (failure !== undefined) sayFailure(failure)
    const now = performance.now()
    if (now - toldAt < PROGRESS_MS) return
    toldAt = now
    say(
      `${lives} of ${count} lives, ${steps} steps, ${elections} elections, ${((lives * 1_000) / (now - started)).toFixed(0)} lives/s`,
    )
  })
  asJson({ ...totals, seconds: Math.round((performance.now() - started) / 1_000), failed: failures.length })
  return failures.length === 0 ? 0 : 1
}

async function mutants(words: readonly string[], jobs: number): Promise<number> {
  const mutations = mutationsNamed(words)
  const verdicts = await runMutants(mutations, jobs, ({ mutation, caught, unfit }) => {
    const outcome =
      caught === undefined
        ? (unfit ?? `NOT CAUGHT within ${mutation.seedsMax} seeds`)
        : `seed ${caught.seed} of ${mutation.seedsMax}: ${caught.invariant}`
    say(`${mutation.name.padEnd(56)} ${outcome}`)
  })
  const missed = verdicts.filter(({ caught }) => caught === undefined)
  say(`${verdicts.length} mutations planted, ${verdicts.length - missed.length} caught`)
  return missed.length === 0 && verdicts.length > 0 ? 0 : 1
}

async function ablate(folder: string, seeds: number, jobs: number): Promise<number> {
  const started = performance.now()
  let toldAt = started
  const lives = await liveAblation(seeds, jobs, (done) => {
    const now = performance.now()
    if (now - toldAt < PROGRESS_MS) return
    toldAt = now
    say(`${done} lives in ${((now - started) / 1_000).toFixed(0)} s`)
  })
  writeAblation(folder, lives)
  say(`written to ${folder}`)
  return 0
}

function exploreAll(depth: number): number {
  for (const exploration of EXPLORATIONS) {
    const started = performance.now()
    const { states, paths, deepest } = explore(exploration, depth)
    say(
      `${exploration.name}: ${states} states, ${paths} steps tried, to depth ${deepest}, in ${((performance.now() - started) / 1_000).toFixed(1)} s, no promise broken`,
    )
  }
  return 0
}

async function meshes(sizes: readonly number[], seed: number, measuredMs: number): Promise<number> {
  say(`seed ${seed}, ${measuredMs} simulated ms of daily work each`)
  const all = await measureSizes(sizes, { seed, measuredMs }, ({ nodes, cpuPerS, seconds }) =>
    say(`${nodes} nodes: ${(cpuPerS * seconds).toFixed(1)} s of one core`),
  )
  for (const line of tableOf(all)) say(line)
  return 0
}

/** Nodes of the smallest mesh in which every trial has somebody to try it on. */
const NODES_MIN = 10

/** Nodes of the mesh in which groups are cut off and delegates killed: a root and some groups below it. */
const FAULTY_NODES = 60

function meshFaults(from: number, count: number): number {
  try {
    liveFaults(
      Array.from({ length: count }, (_, at) => from + at),
      FAULTY_NODES,
      say,
    )
    return 0
  } catch (error) {
    say(messageOf(error))
    return 1
  }
}

const options = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  from: { type: 'string', default: '1' },
  jobs: { type: 'string', default: String(availableParallelism()) },
  life: { type: 'string', default: String(LIFE_MS) },
  explore: { type: 'string' },
  mutations: { type: 'boolean' },
  mesh: { type: 'string' },
  'mesh-faults': { type: 'string' },
  measured: { type: 'string', default: '60000' },
  ablation: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

function read(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options })
  } catch (error) {
    say(messageOf(error))
    return undefined
  }
}

/** A whole number from 1 on. @returns NaN for anything else */
function counted(text: string): number {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : Number.NaN
}

async function main(argv: readonly string[]): Promise<number> {
  const asked = read(argv)
  if (asked?.values.help === true) {
    say(USAGE)
    return 0
  }
  const {
    seed,
    seeds,
    explore: depth,
    mutations,
    ablation,
    from,
    jobs,
    life,
    mesh,
    'mesh-faults': faults,
    measured,
  } = asked?.values ?? {}
  const sizes = mesh?.split(',') ?? []
  const numbers = [seed, seeds, depth, from, jobs, life, faults, measured, ...sizes].filter((text) => text !== undefined)
  if (asked !== undefined && !numbers.map(counted).includes(Number.NaN)) {
    if (seed !== undefined) return replay(counted(seed), Number(life))
    if (depth !== undefined) return exploreAll(counted(depth))
    if (ablation !== undefined) return ablate(ablation, counted(seeds ?? String(ABLATION_SEEDS)), Number(jobs))
    if (mutations === true) return mutants(asked.positionals, Number(jobs))
    // A mesh that is too small is a question how to use it.
    if (mesh !== undefined && Math.min(...sizes.map(counted)) >= NODES_MIN) {
      return meshes(sizes.map(counted), Number(from), Number(measured))
    }
    if (faults !== undefined) return meshFaults(Number(from), counted(faults))
    if (seeds !== undefined) return many(Number(from), counted(seeds), Number(jobs))
  }
  say(USAGE)
  return 2
}

process.exitCode = await main(process.argv.slice(2))
