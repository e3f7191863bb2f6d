import { fakeForecast, fakeFuture } from '@vsmcp/api/testing'
import { describe, expect, it } from 'vitest'
import { formatFigure, formatShare } from '../src/terminal/figure.ts'
import { fakeNode, vsmcp } from './helpers.ts'

describe('vsmcp forecast', () => {
  it('shows level, band, what the last tick but one was, and how well it did', async () => {
    const { control, dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['forecast', 'files'], { dataDir })
    expect(control.calls).toContainEqual(['forecast', { unit: 'files' }])
    expect(stdout).toMatch(/files +calls +12 +11.6 +8 to 15.2 +4 to 22 +90 % +2 % +3 % +2 \(2.5\) +81 % of 31/)
    expect(stdout).toMatch(/files +latency, ms +7.25 +after 3 of 8 values/)
    expect(stdout).toMatch(/a step of calls of files, from 3 to 11.5 \(97 %\)/)
  })

  it('gives programs all of it', async () => {
    const { dataDir } = await fakeNode()
    expect((await vsmcp(['forecast', '--json'], { dataDir })).json()).toEqual(fakeForecast)
  })
})

describe('vsmcp whatif', () => {
  it('asks for what was said, in any of the ways to say a factor', async () => {
    const { control, dataDir } = await fakeNode()
    const options = [
      '--without',
      'mill',
      '--without',
      'quarry',
      '--demand',
      '×2',
      '--slow',
      'files=x3',
      '--slow',
      'maths=1.5',
      '--seed',
      '7',
    ]
    const { json } = await vsmcp(['whatif', ...options, '--json'], { dataDir })
    expect(control.calls.at(-1)).toEqual([
      'whatIf',
      { without: ['mill', 'quarry'], demand: 2, slow: { files: 3, maths: 1.5 }, seed: 7 },
    ])
    expect(json()).toEqual(fakeFuture)
  })

  it('shows now and then with confidence, and what is supposed', async () => {
    const { dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['whatif', '--demand', 'x2'], { dataDir })
    expect(stdout).toMatch(/files +alpha +4.2 +2 +10 ms ± 0.50 ms → 20 ms ± 0.50 ms/)
    expect(stdout).toMatch(/maths +beta .* → - .*0 % → 100 %/)
    expect(stdout).toContain('Too little is known of silent.')
    expect(stdout).toContain('Supposed of maths: its calls never met: one is served at a time.')
    expect(stdout).toContain('Seed 7.')
  })

  it.each([
    [['--demand', 'twice'], /"twice" is no factor/],
    [['--demand', '-1'], /"-1" is no factor/],
    [['--slow', 'files'], /names no unit and factor/],
    [['--slow', 'files=fast'], /"fast" is no factor/],
    [['--seed', 'x'], /--seed/],
  ])('refuses %j, and asks nothing', async (options, why) => {
    const { control, dataDir } = await fakeNode()
    const { code, stderr } = await vsmcp(['whatif', ...options], { dataDir })
    expect(code).toBe(2)
    expect(stderr).toMatch(why)
    expect(control.calls).toEqual([])
  })
})

describe('vsmcp feed', () => {
  it('adds one by URL or by resource, lists and removes', async () => {
    const { control, dataDir } = await fakeNode()
    const added = await vsmcp(['feed', 'add', 'price', '--url', 'https://power.example/now', '--pointer', '/eur/mwh'], {
      dataDir,
    })
    expect(added).toMatchObject({ code: 0, stdout: 'price: watched from now on, -3.25 now\n' })
    await vsmcp(['feed', 'add', 'queue', '--resource', 'jobs://waiting'], { dataDir })
    expect((await vsmcp(['feed'], { dataDir })).stdout).toMatch(
      /price +-3.25 +.* ago +https:\/\/power.example\/now \/eur\/mwh +-/,
    )
    await vsmcp(['feed', 'rm', 'price'], { dataDir })
    expect(control.calls).toEqual([
      ['addFeed', { name: 'price', source: { kind: 'url', url: 'https://power.example/now' }, pointer: '/eur/mwh' }],
      ['addFeed', { name: 'queue', source: { kind: 'resource', uri: 'jobs://waiting' } }],
      ['feeds', {}],
      ['removeFeed', 'price'],
    ])
  })

  it.each([
    [['price'], /one source/],
    [['price', '--url', 'http://x', '--resource', 'y://z'], /one source/],
    [['price', '--url', 'file:///etc/passwd'], /url/],
    [['Price', '--url', 'http://x'], /a feed is named/],
    [['price', '--url', 'http://x', '--pointer', 'a'], /JSON pointer/],
  ])('refuses %j, and has nothing read', async (options, why) => {
    const { control, dataDir } = await fakeNode()
    const { code, stderr } = await vsmcp(['feed', 'add', ...options], { dataDir })
    expect(code).toBe(2)
    expect(stderr).toMatch(why)
    expect(control.calls).toEqual([])
  })
})

describe('vsmcp self', () => {
  it('says who it is, how it is, what it lacks, expects and was decided', async () => {
    const { dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['self'], { dataDir })
    for (const said of [
      'alpha of plant/',
      'degraded; 1 of 2 members alive, System 5 is alpha',
      'above me          /, reached, heard ',
      'below me          /eu/plant-7: 12 nodes, 1 level below, 3.10/s of 9.00/s, 2 alerts, performance 17 %; heard ',
      '/eu/plant-8: not heard of late',
      '/eu/plant-9: a place is kept for it, it has not come yet',
      '… and 4 more: "vsmcp group ls"',
      '120 calls in 10 min; bits: demand 2.30, response 1.90, unmatched 0.40, outcome 0.41, residual 0.10',
      'amplifier mesh: 1.58 bits',
      'translate: unknown, 10 times',
      'attach a server that offers translate (searched for)',
      'calls of files: 11.6 (8 to 15.2)',
      'policies, version 2, by anna: two more voters',
      '31 forecasts, 0.8 × the error of "as now", the 80 % band held 81 %',
    ]) {
      expect(stdout).toContain(said)
    }
  })
})

describe('figures', () => {
  it.each([
    [0, '0'],
    [0.012345, '0.0123'],
    [4.5, '4.5'],
    [137.4, '137'],
    [12_812.3, '12812'],
    [-2.345, '-2.35'],
    [1e-9, '0'],
  ])('%d reads %s', (value, text) => {
    expect(formatFigure(value)).toBe(text)
  })

  it('shares say what is less than one in a hundred', () => {
    expect([0, 0.004, 0.5, 1].map(formatShare)).toEqual(['0 %', '<1 %', '50 %', '100 %'])
  })
})
