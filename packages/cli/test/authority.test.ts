import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SignedChange } from '@vsmcp/node'
import { newOperatorKey } from '@vsmcp/node'
import { describe, expect, it } from 'vitest'
import { fakeNode, tempDir, vsmcp } from './helpers.ts'

/** A fake node whose charter names the operator of a key file. */
async function withOperator() {
  const { control, dataDir } = await fakeNode()
  const key = join(await tempDir(), 'me.key')
  const publicKey = await newOperatorKey(key)
  control.charterView = { ...control.charterView, operators: [{ name: 'me', publicKey, recovery: false }] }
  const lastOf = (method: string): unknown => control.calls.findLast(([name]) => name === method)?.[1]
  return { control, dataDir, key, lastOf }
}

describe('vsmcp policy', () => {
  it('shows what is in force and who changed it when, and why', async () => {
    const { dataDir } = await fakeNode()
    expect((await vsmcp(['policy', '--json'], { dataDir })).json()).toEqual({
      version: 2,
      policies: { retries: 2 },
      current: true,
    })
    expect((await vsmcp(['policy', 'history'], { dataDir })).stdout).toMatch(/2 .*operator +fewer retries/)
    expect((await vsmcp(['policy', 'history', '--json'], { dataDir })).json()).toMatchObject([{ version: 2, by: 'operator' }])
  })

  it('says when no quorum confirms what it shows', async () => {
    const { control, dataDir } = await fakeNode()
    control.charterView = { ...control.charterView, current: false }
    expect((await vsmcp(['policy', 'show'], { dataDir })).stderr).toContain('No quorum confirms')
  })

  it('sets what a YAML file says, signed, for the version in force or the one expected', async () => {
    const { dataDir, key, lastOf } = await withOperator()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'p.yaml'), 'retries: 3\nzones: [eu, us]\nstrict: yes\n')
    const set = ['policy', 'set', 'p.yaml', '--reason', 'more', '--operator-key', key]
    const done = await vsmcp([...set, '--json'], { dataDir, cwd })
    expect(done.json()).toEqual({ version: 3, changed: true, by: 'me' })
    const change = lastOf('changeCharter') as SignedChange
    expect(change).toMatchObject({ op: 'policy:set', expects: 2, operator: 'me', reason: 'more' })
    expect(change).toMatchObject({ policies: { retries: 3, zones: ['eu', 'us'], strict: 'yes' } })
    expect(change.signature).toMatch(/^[\w-]{86}$/)
    await vsmcp([...set, '--expect', '7'], { dataDir, cwd })
    expect((lastOf('changeCharter') as SignedChange).expects).toBe(7)
  })

  it('names file and line of what is no policy, and asks nobody then', async () => {
    const { control, dataDir, key } = await withOperator()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'bad.yaml'), '- a\n- b\n')
    await writeFile(join(cwd, 'torn.json'), '{"a": 1,\n "b": [}')
    for (const [file, said] of [
      ['bad.yaml', /bad\.yaml:1: names and values/],
      ['torn.json', /torn\.json:2/],
    ] as const) {
      const { code, stderr } = await vsmcp(['policy', 'set', file, '--reason', 'x', '--operator-key', key], { dataDir, cwd })
      expect([code, stderr]).toEqual([2, expect.stringMatching(said)])
    }
    expect(control.calls).toEqual([])
  })

  it('needs a reason and a key, and says where from; a key that the charter does not name is denied', async () => {
    const { dataDir } = await withOperator()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'p.json'), '{}')
    const unreasoned = await vsmcp(['policy', 'set', 'p.json'], { dataDir, cwd })
    expect([unreasoned.code, unreasoned.stderr]).toEqual([2, expect.stringContaining('--reason')])
    const keyless = await vsmcp(['policy', 'set', 'p.json', '--reason', 'x'], { dataDir, cwd })
    expect([keyless.code, keyless.stderr]).toEqual([2, expect.stringContaining('VSMCP_OPERATOR_KEY')])
    const stranger = join(cwd, 'stranger.key')
    await newOperatorKey(stranger)
    const env = { VSMCP_OPERATOR_KEY: stranger }
    const denied = await vsmcp(['policy', 'set', 'p.json', '--reason', 'x', '--json'], { dataDir, cwd, env })
    expect([denied.code, denied.error().code]).toEqual([4, 'VSMCP_NODE_OPERATOR_UNKNOWN'])
  })
})

describe('vsmcp operator', () => {
  it('lists, adds with a new key that only the file holds, and removes', async () => {
    const { dataDir, key, lastOf } = await withOperator()
    const cwd = await tempDir()
    expect((await vsmcp(['operator', 'ls', '--json'], { dataDir })).json()).toMatchObject([{ name: 'me', recovery: false }])
    const signed = ['--reason', 'on call', '--operator-key', key]
    const added = await vsmcp(['operator', 'add', 'maria', '--new', 'maria.key', '--recovery', ...signed, '--json'], {
      dataDir,
      cwd,
    })
    expect(added.json()).toMatchObject({ name: 'maria', recovery: true })
    expect(lastOf('changeCharter')).toMatchObject({ op: 'operator:add', name: 'maria', recovery: true, expects: 1 })
    expect((await readFile(join(cwd, 'maria.key'))).length).toBeGreaterThan(60)
    await vsmcp(['operator', 'rm', 'maria', ...signed], { dataDir })
    expect(lastOf('changeCharter')).toMatchObject({ op: 'operator:remove', name: 'maria', reason: 'on call' })
    const neither = await vsmcp(['operator', 'add', 'x', ...signed], { dataDir })
    expect(neither.code).toBe(2)
  })
})

describe('what a group other than the home group is asked', () => {
  it('is named with --group: for charter and signature alike', async () => {
    const { control, dataDir, key, lastOf } = await withOperator()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'p.json'), '{}')
    const signed = ['--reason', 'x', '--operator-key', key]
    const publicKey = await newOperatorKey(join(cwd, 'maria.key'))
    const changes = [
      ['policy', 'set', 'p.json', ...signed],
      ['operator', 'add', 'maria', '--public-key', publicKey, ...signed],
      ['operator', 'rm', 'me', ...signed],
    ]
    for (const words of [['policy', 'show'], ['policy', 'history'], ['operator', 'ls'], ...changes]) {
      control.calls.length = 0
      const { code, stderr } = await vsmcp([...words, '--group', '/eu'], { dataDir, cwd })
      expect([code, words, stderr.includes('error')]).toEqual([0, words, false])
      expect(lastOf('charter')).toEqual({ group: '/eu' })
      if (changes.includes(words)) expect(lastOf('changeCharter')).toMatchObject({ group: '/eu', operator: 'me' })
    }
    for (const list of ['units', 'tools']) {
      expect((await vsmcp([list, '--group', '/eu', '--json'], { dataDir })).json()).toEqual([])
      expect(lastOf(list)).toEqual({ group: '/eu' })
      await vsmcp([list], { dataDir })
      expect(lastOf(list)).toEqual({})
    }
    expect((await vsmcp(['tools', '--help'], { dataDir })).stdout).toContain('--group <path>')
  })
})

describe('vsmcp evict', () => {
  it('has what the node drafted signed by the operator, and names who is gone', async () => {
    const { dataDir, key, lastOf } = await withOperator()
    const done = await vsmcp(['evict', 'laptop', '--reason', 'stolen', '--operator-key', key, '--json'], { dataDir })
    expect(done.json()).toMatchObject({ name: 'laptop', by: 'me' })
    expect(lastOf('evict')).toMatchObject({
      op: 'member:evict',
      joinedAtIndex: 5,
      reason: 'stolen',
      operator: 'me',
    })
    expect(lastOf('draftEviction')).toEqual({ member: 'laptop' })
  })

  it("takes it from the group that it names, by that one's charter", async () => {
    const { dataDir, key, lastOf } = await withOperator()
    const args = ['evict', 'laptop', '--group', '/eu', '--reason', 'stolen', '--operator-key', key]
    expect((await vsmcp(args, { dataDir })).stdout).toMatch(/^evicted laptop /)
    expect(lastOf('charter')).toEqual({ group: '/eu' })
    expect(lastOf('draftEviction')).toEqual({ member: 'laptop', group: '/eu' })
    expect(lastOf('evict')).toMatchObject({ op: 'member:evict', operator: 'me', group: '/eu' })
  })
})

describe('vsmcp group move', () => {
  it('has what the node drafted signed by an operator of the group, and says where it is', async () => {
    const { dataDir, key, lastOf } = await withOperator()
    const args = ['group', 'move', '/eu/plant', '/us/hall', '--operator-key', key]
    const done = await vsmcp([...args, '--token', 'vsmcp1.x'], { dataDir })
    expect([done.stdout, done.stderr]).toEqual(['moved to /us/hall\n', ''])
    expect(lastOf('draftGroupMove')).toEqual({ group: '/eu/plant', to: '/us/hall', token: 'vsmcp1.x' })
    expect(lastOf('charter')).toEqual({ group: '/eu/plant' })
    expect(lastOf('moveGroup')).toMatchObject({
      group: '/eu/plant',
      to: '/us/hall',
      order: { op: 'group:move', parent: 'root', move: 1, operator: 'me', reason: 'it is to stand there' },
    })
    expect((await vsmcp([...args, '--reason', 'it grew', '--json'], { dataDir })).json()).toMatchObject({ released: true })
    expect(lastOf('moveGroup')).toMatchObject({ order: { reason: 'it grew' } })
  })

  it('asks for no key where nothing is to be signed, and says that the former group above is told later', async () => {
    const { control, dataDir } = await fakeNode()
    control.isMoved = true
    const done = await vsmcp(['group', 'move', '/eu/plant', '/us'], { dataDir })
    expect(done).toMatchObject({ code: 0, stdout: 'moved to /us\n' })
    expect(done.stderr).toContain('lets go of it when it hears of it')
    expect(control.calls.map(([method]) => method)).toEqual(['draftGroupMove', 'moveGroup'])
    expect(control.calls.at(-1)?.[1]).toEqual({ group: '/eu/plant', to: '/us' })
  })
})

describe('vsmcp charter', () => {
  it('shows, and exports to a file or to standard output', async () => {
    const { dataDir } = await fakeNode()
    const cwd = await tempDir()
    expect((await vsmcp(['charter'], { dataDir })).stdout).toContain('by a certificate of the voters')
    await vsmcp(['charter', 'export', 'c.json'], { dataDir, cwd })
    expect(await readFile(join(cwd, 'c.json'), 'utf8')).toContain('vsmcp charter 1')
    expect((await vsmcp(['charter', 'export', '-'], { dataDir })).stdout).toContain('vsmcp charter 1')
  })

  it('verifies without a node, and refuses what is no charter', async () => {
    const cwd = await tempDir()
    await writeFile(join(cwd, 'c.json'), '{"format":"vsmcp charter 1"')
    const torn = await vsmcp(['charter', 'verify', 'c.json', '--json'], { dataDir: join(cwd, 'nowhere'), cwd })
    expect([torn.code, torn.error().code]).toEqual([1, 'VSMCP_NODE_CHARTER_FILE'])
  })
})
