import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OutcomeUnknownError, TimeoutError } from '@vsmcp/kernel'
import { FakeError } from '@vsmcp/api/testing'
import { describe, expect, it } from 'vitest'
import { fakeNode, tempDir, vsmcp } from './helpers.ts'

describe('reading commands', () => {
  it.each(['status', 'members', 'units', 'tools', 'self', 'doctor'] as const)(
    '%s prints with --json exactly what /v1 answers, on one line',
    async (command) => {
      const { control, dataDir } = await fakeNode()
      await control.attach({
        name: 'files',
        source: { kind: 'http', url: 'http://x', headers: {} },
        startTimeoutMs: 1,
        replace: false,
      })
      const { code, stdout, stderr, json } = await vsmcp([command, '--json'], { dataDir })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout.trimEnd()).not.toContain('\n')
      const answer = JSON.parse(JSON.stringify(await control[command]())) as object
      if (command === 'doctor')
        expect(json()).toMatchObject({ checks: expect.arrayContaining((answer as { checks: [] }).checks) })
      else expect(json()).toEqual(answer)
    },
  )

  it('show the parts of the node as a tree, each under its supervisor', async () => {
    const { control, dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['status', '--tree'], { dataDir })
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | ').trimEnd())).toEqual([
      'PART | STATE | RESTART | RESTARTED | MAILBOX | LAST ERROR',
      'node | running | one_for_one | 0 | - | -',
      '└─ system3 | running | one_for_one | 0 | - | -',
      ' | └─ reports | running | permanent | 2 | 3 of 1000, 4 refused, 1 dropped | no report',
      '',
    ])
    expect((await vsmcp(['status', '--tree', '--json'], { dataDir })).json()).toEqual(await control.tree())
  })

  it('tell of the groups above and below the node', async () => {
    const { control, dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['status'], { dataDir })
    const lines = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | ').trimEnd())
    expect(lines).toContainEqual(expect.stringMatching(/^above \| \/, reached, heard .* ago; delegates: none$/))
    expect(lines).toContainEqual(expect.stringMatching(/^below \| \/eu\/plant-7: 12 nodes, 1 level below, 3\.10\/s of 9\.00\/s/))
    expect((await vsmcp(['status', '--json'], { dataDir })).json()).toMatchObject({
      recursion: (await control.status()).recursion,
    })
  })

  it('take --json and --data-dir before or after the name', async () => {
    const { dataDir } = await fakeNode()
    const before = await vsmcp(['--json', '--data-dir', dataDir, 'members'])
    const after = await vsmcp(['members', '--data-dir', dataDir, '--json'])
    expect(before).toMatchObject({ code: 0, stdout: after.stdout })
  })

  it('show people tables: aligned, no colours in a pipe, nothing that commands a terminal', async () => {
    const { dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['members'], { dataDir })
    expect(stdout).toMatch(/^NAME +STATE +SINCE/)
    expect(stdout).toMatch(/alpha \(this node\) +alive +\d+ d ago +- +system 5/)
    // oxlint-disable-next-line no-control-regex -- the fake member's name holds an escape sequence
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    const columns = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.search(/PEER|…/))
    expect(new Set(columns).size).toBe(1)
  })

  it('colour a terminal, unless NO_COLOR is set', async () => {
    const { dataDir } = await fakeNode()
    const terminal = { isTTY: true, columns: 80 } as const
    expect((await vsmcp(['status'], { dataDir, terminal })).stdout).toContain('\u001b[33mdegraded')
    expect((await vsmcp(['status'], { dataDir, terminal, env: { NO_COLOR: '1' } })).stdout).not.toContain('\u001b[')
    expect((await vsmcp(['status'], { dataDir, env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001b[33mdegraded')
  })

  it('cut the last column of a table to the width of the terminal', async () => {
    const { dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['members'], { dataDir, terminal: { isTTY: true, columns: 90 }, env: { NO_COLOR: '1' } })
    expect(stdout).toContain('…\n')
  })
})

describe('logs', () => {
  it('are NDJSON with --json, and lines for people', async () => {
    const { dataDir, control } = await fakeNode()
    const { stdout, code } = await vsmcp(['logs', '--json'], { dataDir })
    expect(code).toBe(0)
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(control.log)
    const people = await vsmcp(['logs', 'files', '--since', '2026-01-01T00:00:00Z'], { dataDir })
    expect(people.stdout).toBe('2026-01-02T03:05:05.000Z warn  files: unit is slow ms=12\n')
    expect(control.calls.at(-1)).toEqual(['logs', { unit: 'files', sinceMs: Date.parse('2026-01-01T00:00:00Z'), follow: false }])
  })

  it('are read from the files where no node runs: after a death they are wanted most', async () => {
    const dataDir = await tempDir()
    await mkdir(join(dataDir, 'logs'))
    const line = (number: number, rest: object): string =>
      `${JSON.stringify({ level: 30, time: `2026-01-0${number}T00:00:00.000Z`, ...rest })}\n`
    await writeFile(join(dataDir, 'logs', 'node.10.log'), line(3, { msg: 'third' }) + '{"level":50,"ti')
    await writeFile(join(dataDir, 'logs', 'node.9.log'), line(1, { msg: 'first' }) + line(2, { msg: 'second', unit: 'files' }))
    const all = await vsmcp(['logs'], { dataDir })
    expect(all.code).toBe(0)
    expect(all.stdout.match(/first|second|third/g)).toEqual(['first', 'second', 'third'])
    expect(all.stderr).toContain('No node is running')
    const some = await vsmcp(['logs', 'files', '--since', '2026-01-01T12:00:00Z', '--json'], { dataDir })
    expect(some.json()).toEqual({ time: '2026-01-02T00:00:00.000Z', level: 'info', msg: 'second', unit: 'files' })
    const followed = await vsmcp(['logs', '--follow', '--json'], { dataDir })
    expect({ code: followed.code, lines: followed.stdout.trim().split('\n').length }).toEqual({ code: 3, lines: 3 })
    const unknown = await vsmcp(['logs', 'nosuch', '--json'], { dataDir })
    expect(unknown.code).toBe(1)
    expect(unknown.error()).toMatchObject({ code: 'VSMCP_NODE_UNIT_UNKNOWN', hint: 'Known here: files.' })
    expect((await vsmcp(['logs'], { dataDir: await tempDir() })).code).toBe(3)
  })

  it('of a unit that nobody knows are refused, and the known ones named', async () => {
    const { dataDir, control } = await fakeNode()
    await vsmcp(['attach', 'docs', '--', 'true'], { dataDir })
    const { code, error } = await vsmcp(['logs', 'nosuch', '--json'], { dataDir })
    expect(error()).toMatchObject({ code: 'VSMCP_NODE_UNIT_UNKNOWN', hint: 'Known here: docs.' })
    expect(code).toBe(1)
    // One that is known and has said nothing yet is no mistake; nor one that is gone and has.
    expect(await vsmcp(['logs', 'docs'], { dataDir })).toMatchObject({ code: 0, stdout: '' })
    expect((await vsmcp(['logs', 'files'], { dataDir })).code).toBe(0)
    expect(control.units_.has('files')).toBe(false)
  })

  it('refuse a --since that is neither a duration nor a time', async () => {
    const { dataDir } = await fakeNode()
    const { code, error } = await vsmcp(['logs', '--since', 'yesterday', '--json'], { dataDir })
    expect(error()).toMatchObject({ code: 'VSMCP_CLI_USAGE', message: expect.stringContaining('"yesterday"') })
    expect(code).toBe(2)
  })
})

describe('invite', () => {
  it('makes an invitation: the token alone on stdout, warnings on stderr', async () => {
    const { dataDir, control } = await fakeNode()
    const { stdout, stderr } = await vsmcp(['invite', '--role', 'edge', '--ttl', '2h', '--uses', '3'], { dataDir })
    expect(stdout).toBe('vsmcp1.secret\n')
    expect(stderr).toContain('warning: only loopback addresses are in it')
    expect(control.calls).toEqual([['createInvitation', { role: 'edge', ttlMs: 7_200_000, uses: 3 }]])
  })

  it('takes the same options after "create", and its defaults', async () => {
    const { dataDir, control } = await fakeNode()
    const { json, stderr } = await vsmcp(['invite', 'create', '--json'], { dataDir })
    expect(json()).toMatchObject({ token: 'vsmcp1.secret', warnings: ['only loopback addresses are in it'] })
    expect(stderr).toBe('')
    expect(control.calls).toEqual([['createInvitation', { role: 'member', ttlMs: 86_400_000, uses: 1 }]])
  })

  it('lists and revokes', async () => {
    const { dataDir, control } = await fakeNode()
    expect((await vsmcp(['invite', 'ls'], { dataDir })).stdout).toMatch(/inv1 +open +member +1 of 2/)
    expect((await vsmcp(['invite', 'revoke', 'inv1', '--json'], { dataDir })).json()).toEqual({ revoked: 'inv1' })
    expect(control.calls.at(-1)).toEqual(['revokeInvitation', 'inv1'])
  })
})

describe('group', () => {
  it('founds, lists, shows, renames and removes groups, and invites into them', async () => {
    const { dataDir, control } = await fakeNode()
    const made = await vsmcp(['group', 'create', 'eu'], { dataDir })
    expect(made.stdout).toMatch(/^\/eu a{40}\n$/)
    expect((await vsmcp(['group'], { dataDir })).stdout).toMatch(/\/eu +seat +2 of 2 +alpha +alpha +\//)
    expect((await vsmcp(['group', 'show', '/eu'], { dataDir })).stdout).toMatch(/group +\/eu/)
    expect((await vsmcp(['group', 'rename', '/eu', 'us'], { dataDir })).stdout).toBe('renamed to /us\n')
    expect((await vsmcp(['group', 'rm', '/eu', '--json'], { dataDir })).json()).toEqual({ removed: '/eu' })
    await vsmcp(['group', 'delegate', 'vsmcp1.x'], { dataDir })
    await vsmcp(['invite', '--group', '/eu', '--delegate-of', '/eu/x'], { dataDir })
    await vsmcp(['members', '--group', '/eu'], { dataDir })
    expect(control.calls.map(([method, input]) => [method, input])).toEqual([
      ['createGroup', { path: 'eu' }],
      ['groups', {}],
      ['group', '/eu'],
      ['renameGroup', { group: '/eu', name: 'us' }],
      ['removeGroup', '/eu'],
      ['takeSeat', { token: 'vsmcp1.x' }],
      ['createInvitation', { role: 'member', ttlMs: 86_400_000, uses: 1, group: '/eu', delegateOf: '/eu/x' }],
      ['members', { group: '/eu' }],
    ])
  })
})

describe('what is not known', () => {
  it('is no denial when it is an invitation, and says where to look', async () => {
    const { dataDir, control } = await fakeNode()
    control.failures.set('revokeInvitation', new FakeError('VSMCP_NODE_REFUSED', 'there is no invitation zzz'))
    const unknown = await vsmcp(['invite', 'revoke', 'zzz', '--json'], { dataDir })
    expect({ exit: unknown.code, ...unknown.error() }).toMatchObject({ exit: 2, hint: expect.stringContaining('invite ls') })
    control.failures.set('revokeInvitation', new FakeError('VSMCP_NODE_REFUSED', 'no'))
    expect((await vsmcp(['invite', 'revoke', 'inv1'], { dataDir })).code).toBe(4)
  })

  it('has a hint where the node gives none', async () => {
    const { dataDir, control } = await fakeNode()
    control.failures.set('detach', new FakeError('VSMCP_NODE_UNIT_UNKNOWN', 'no unit x'))
    expect((await vsmcp(['detach', 'x', '--json'], { dataDir })).error().hint).toContain('"vsmcp units"')
    expect((await vsmcp(['wait', '--members', 'x', '--json'], { dataDir })).error().hint).toContain('--members 3')
    expect((await vsmcp(['join', '--help'])).stdout).toContain('vsmcp join vsmcp1_')
  })
})

describe('call', () => {
  it.each([
    ['an argument', '{"path":"/x"}', undefined],
    ['standard input', '-', '{"path":"/x"}'],
    ['a file', '@args.json', undefined],
  ])('takes arguments from %s', async (_, args, stdin) => {
    const { dataDir, control } = await fakeNode()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'args.json'), '\ufeff{"path":"/x"}\n')
    const { code, stdout } = await vsmcp(['call', 'read', '--args', args], {
      dataDir,
      cwd,
      ...(stdin === undefined ? {} : { stdin }),
    })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"path":"/x"}\n' })
    expect(control.calls).toEqual([['call', { tool: 'read', args: { path: '/x' }, timeoutMs: 30_000 }]])
  })

  it.each([
    ['no JSON', '{path:1}', /--args is not JSON/],
    ['no object', '[1]', /not an object/],
    ['a file that is not there', '@nothing', /nothing cannot be read: there is no such file/],
  ])('refuses arguments that are %s', async (_, args, message) => {
    const { dataDir, control } = await fakeNode()
    const { code, error } = await vsmcp(['call', 'read', '--json', '--args', args], { dataDir })
    expect(error().message).toMatch(message)
    expect(code).toBe(args.startsWith('@') ? 1 : 2)
    expect(control.calls).toEqual([])
  })

  it('prints text blocks, names the others, and gives a program the whole answer', async () => {
    const { dataDir, control } = await fakeNode()
    const content = [
      { type: 'text', text: 'one\u001b[31m' },
      { type: 'image', mimeType: 'image/png', data: 'AAAA' },
      { type: 'resource', resource: { uri: 'file:///x', text: 'inside' } },
    ]
    control.onCall = () => Promise.resolve({ content })
    expect((await vsmcp(['call', 't'], { dataDir })).stdout).toBe('one\u001b[31m\n[image image/png, 3 B: see --json]\ninside\n')
    const terminal = { isTTY: true, columns: 80 } as const
    expect((await vsmcp(['call', 't'], { dataDir, terminal })).stdout).toContain('one\ufffd[31m')
    expect((await vsmcp(['call', 't', '--json'], { dataDir })).json()).toMatchObject({ result: { content }, isError: false })
    control.onCall = () => Promise.resolve({ content: [], structuredContent: { a: 1 } })
    expect((await vsmcp(['call', 't'], { dataDir })).stdout).toBe('{\n  "a": 1\n}\n')
  })

  it('exits with 5 when the tool answers an error, its answer on stdout', async () => {
    const { dataDir, control } = await fakeNode()
    control.onCall = () => Promise.resolve({ isError: true, content: [{ type: 'text', text: 'no such file' }] })
    const people = await vsmcp(['call', 't'], { dataDir })
    expect(people).toMatchObject({ code: 5, stdout: 'no such file\n' })
    const { code, json, error } = await vsmcp(['call', 't', '--json'], { dataDir })
    expect(json()).toMatchObject({ isError: true })
    expect({ exit: code, code: error().code }).toEqual({ exit: 5, code: 'VSMCP_CLI_TOOL_ERROR' })
  })
})

describe('exit codes', () => {
  it.each([
    [1, new FakeError('VSMCP_UNIT_START', 'it exited')],
    [2, new FakeError('VSMCP_INVALID_ARGUMENT', 'no')],
    [4, new FakeError('VSMCP_NODE_REFUSED', 'no')],
    [6, new OutcomeUnknownError('who knows')],
    [7, new TimeoutError('too late')],
  ])('%i for %s', async (exit, failure) => {
    const { dataDir, control } = await fakeNode()
    control.failures.set('call', failure)
    const { code, error } = await vsmcp(['call', 't', '--json'], { dataDir })
    expect({ exit: code, code: error().code }).toEqual({ exit, code: failure.code })
  })

  it('3 when no node runs there, also for one that was waited for', async () => {
    const dataDir = await tempDir()
    const { code, error } = await vsmcp(['status', '--json'], { dataDir })
    expect({ exit: code, code: error().code, message: error().message }).toEqual({
      exit: 3,
      code: 'VSMCP_API_NO_NODE',
      message: `no node is running on ${dataDir}`,
    })
    expect((await vsmcp(['wait', '--timeout', '200ms'], { dataDir })).code).toBe(3)
    expect((await vsmcp(['wait'], { dataDir: join(dataDir, 'nothing') })).code).toBe(3)
  })

  it('7 when what is waited for does not come', async () => {
    const { dataDir } = await fakeNode()
    const { code, error } = await vsmcp(['wait', '--members', '3', '--json'], { dataDir })
    expect(code).toBe(7)
    expect(error().message).toBe('still missing: members (2 of 3)')
  })
})

describe('wrong usage', () => {
  it.each([
    [['statsu'], "unknown command 'statsu'", 'Did you mean status?'],
    [['status', '--jsno'], "unknown option '--jsno'", 'Did you mean --json?'],
    [['attach', 'x', 'npx', '-y', 'y'], "unknown option '-y'", 'come after "--"'],
    [['call'], "missing required argument 'tool'", 'vsmcp call --help'],
    [['detach'], "missing required argument 'name'", 'vsmcp detach --help'],
    [['apply'], "required option '-f, --file <file>' not specified", 'vsmcp apply --help'],
    [[], 'a command is needed', 'vsmcp --help'],
    [['invite', 'revoke'], "missing required argument 'id'", 'vsmcp invite --help'],
  ])('%j', async (argv, message, hint) => {
    const { code, error } = await vsmcp(['--json', ...argv])
    expect(code).toBe(2)
    expect(error()).toMatchObject({
      code: 'VSMCP_CLI_USAGE',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    })
  })

  it('never repeats a token', async () => {
    for (const argv of [
      ['join', 'tok-secret', 'tok-secret'],
      ['join', 'tok-secret', '--token-file', 'x'],
      ['join', '--nam', 'tok-secret'],
    ]) {
      const { code, stdout, stderr } = await vsmcp(argv)
      expect(code).toBe(2)
      expect(stdout + stderr).not.toContain('tok-secret')
    }
  })
})

describe('help', () => {
  it('names every command, and each has examples', async () => {
    const { stdout, code } = await vsmcp(['--help'])
    expect(code).toBe(0)
    const names = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name)
    expect(names).toEqual(
      'init join up service down invite group key recover backup restore evict leave charter policy proposals decide operator attach detach apply units tools claims call schedule mcp status members alert self forecast feed whatif findings logs doctor wait'.split(
        ' ',
      ),
    )
    for (const name of names) {
      const help = await vsmcp(['help', name ?? ''])
      expect(help).toMatchObject({ code: 0, stderr: '' })
      expect(help.stdout).toContain('Examples:\n  $ vsmcp')
      expect(help.stdout).toContain('--json')
    }
    expect((await vsmcp(['help', 'invite', 'revoke'])).stdout).toContain('vsmcp invite revoke [options] <id>')
  })
})
