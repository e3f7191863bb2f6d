import type { FeedView, ForecastView, FutureFigures, FutureView, RecursionView, SelfView, SeriesView } from '@vsmcp/node'

const AT = '2026-01-02T03:04:05.000Z'

/** As a node of `/eu` sees what is around it. */
export const fakeRecursion: RecursionView = {
  above: { id: 'root', path: '/', reached: true, since: AT, heard: AT },
  below: [
    {
      id: 'b'.repeat(40),
      path: '/eu/plant-7',
      awaited: false,
      told: {
        at: AT,
        members: 12,
        groups: 1,
        levels: 1,
        alertsOpen: 2,
        actuality: 3.1,
        capability: 9,
        potentiality: 18,
        productivity: 0.344,
        latency: 0.5,
        performance: 0.172,
      },
    },
    { id: 'c'.repeat(40), path: '/eu/plant-8', awaited: false, told: null },
    { id: 'd'.repeat(40), path: '/eu/plant-9', awaited: true, told: null },
  ],
  belowMore: 4,
}

const QUIET = { 'no-change': 0.9, step: 0.003, slope: 0.003, transient: 0.094 }

const calls: SeriesView = {
  subject: 'files',
  measure: 'calls',
  observed: 40,
  last: 12,
  level: 11.5,
  slope: 0.1,
  ahead: [
    { ahead: 1, mean: 11.6, low: 8, high: 15.2 },
    { ahead: 20, mean: 13.5, low: 4, high: 22 },
  ],
  current: QUIET,
  settled: { 'no-change': 0.05, step: 0.9, slope: 0.02, transient: 0.03 },
  skill: { forecasts: 31, meanError: 2, naiveMeanError: 2.5, bandHeld: 0.81 },
}

export const fakeFeed: FeedView = {
  name: 'price',
  source: { kind: 'url', url: 'https://power.example/now' },
  pointer: '/eur/mwh',
  last: -3.25,
  at: AT,
  problem: null,
}

export const fakeForecast: ForecastView = {
  tickMs: 5_000,
  nodeName: 'alpha',
  series: [
    calls,
    { ...calls, measure: 'latency', observed: 3, last: 7.25, level: null, slope: null, ahead: [], settled: QUIET, skill: null },
  ],
  turns: [{ at: AT, subject: 'files', measure: 'calls', change: 'step', probability: 0.97, from: 3, to: 11.5 }],
}

const figures = (factor: number): FutureFigures => ({
  latencyP50Ms: { mean: 10 * factor, within: 0.5 },
  latencyP99Ms: { mean: 80 * factor, within: 4 },
  utilisation: { mean: 0.3 * factor, within: 0.01 },
  refused: { mean: 0, within: 0 },
})

export const fakeFuture: FutureView = {
  seed: 7,
  units: [
    { unit: 'files', node: 'alpha', callsPerS: 4.2, servers: 2, now: figures(1), later: figures(2) },
    {
      unit: 'maths',
      node: 'beta',
      callsPerS: 1,
      servers: 1,
      now: figures(1),
      later: { latencyP50Ms: null, latencyP99Ms: null, utilisation: null, refused: { mean: 1, within: 0 } },
    },
  ],
  unknown: ['silent'],
  assumptions: ['maths: its calls never met: one is served at a time'],
  silentNodes: [],
}

const variety = {
  calls: 120,
  outcomes: { ok: 110, unknown: 10 },
  demandBits: 2.3,
  responseBits: 1.9,
  outcomeBits: 0.41,
  residualBits: 0.1,
  choosableBits: 0.31,
  unmatchedBits: 0.4,
}

export const fakeSelf: SelfView = {
  identity: {
    node: 'alpha',
    peerId: '12D3KooWFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake',
    mesh: 'plant',
    meshId: '00112233445566778899aabbccddeeff',
    group: '/',
    version: '0.1.0',
    says: { name: 'mill', purpose: 'grinds' },
    charterVersion: 2,
    policies: ['voters'],
  },
  does: { units: 1, tools: 3, toolsOfGroup: 9, callsInFlight: 0 },
  is: {
    health: 'degraded',
    problems: ['only one voter: there is no failover'],
    members: { known: 2, alive: 1 },
    system5: 'alpha',
    alerts: 0,
  },
  recursion: fakeRecursion,
  variety: {
    windowMs: 600_000,
    node: variety,
    group: variety,
    nodes: 2,
    silentNodes: 0,
    regulators: [
      {
        name: 'mesh',
        kind: 'amplifier',
        effect: 1.58,
        unit: 'bits',
        what: '9 tools can be called here, 3 of them are attached here',
      },
    ],
    unmet: [
      {
        tool: 'translate',
        cause: 'unknown',
        unit: null,
        calls: 10,
        since: AT,
        last: AT,
        remedy: 'attach a server that offers translate',
        requested: true,
      },
    ],
    beyondBounds: { calls: 0, unmet: 0 },
  },
  expects: [{ subject: 'files', measure: 'calls', mean: 11.6, low: 8, high: 15.2 }],
  noticed: fakeForecast.turns,
  decided: [{ at: AT, what: 'policies, version 2', by: 'anna', why: 'two more voters' }],
  balance: {
    system3: { proposed: 4, decided: 3, resourced: 2 },
    system4: { proposed: 3, decided: 3, resourced: 0 },
    starved: 'system4',
  },
  foresight: { forecasts: 31, errorAgainstNaive: 0.8, bandHeld: 0.81 },
}
