import { writeFile } from 'node:fs/promises'
import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { FakeError } from '@vsmcp/api/testing'
import { describe, expect, it } from 'vitest'
import { fakeNode, tempDir, vsmcp } from './helpers.ts'

const request = (calls: readonly [string, unknown][]): unknown => calls.at(-1)?.[1]

describe('claims', () => {
  it('shows who has what, and who waits', async () => {
    const { dataDir, control } = await fakeNode()
    expect((await vsmcp(['claims'], { dataDir })).stdout).toBe('nothing is claimed\n')
    const since = new Date().toISOString()
    const left = { unit: 'left', node: 'p', nodeName: 'alpha', shared: false, since }
    const waiting = { ...left, unit: 'right', nodeName: 'be\u001bta' }
    control.claimed = [{ resource: 'arm', holders: [{ ...left, token: 17, epoch: 2, recalled: true }], waiters: [waiting] }]
    const { stdout } = await vsmcp(['claims'], { dataDir })
    expect(stdout).toMatch(/arm +called back +left +alpha +alone +2\.17/)
    expect(stdout).toMatch(/arm +waits +right +be.ta +alone +-/)
    expect(stdout).not.toContain('\u001b')
    expect((await vsmcp(['claims', '--json'], { dataDir })).json()).toEqual(control.claimed)
  })
})

describe('schedule', () => {
  it('adds what is said, with what is not said left to be as usual', async () => {
    const { dataDir, control } = await fakeNode()
    const { stdout, stderr, code } = await vsmcp(['schedule', 'add', 'job', '--cron', '0 3 * * *', '--tool', 'a__b'], { dataDir })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^job: added; next /)
    expect(stderr).toContain('nobody offers the tool now')
    const usual = { timezone: 'UTC', missed: 'skip', idempotent: false, timeoutMs: 300_000, args: {} }
    expect(request(control.calls)).toEqual({ name: 'job', cron: '0 3 * * *', tool: 'a__b', ...usual })
    const more = [
      '--args',
      '{"x":1}',
      '--tz',
      'Europe/Berlin',
      '--missed',
      'all',
      '--idempotent',
      '--timeout',
      '10s',
      '--node',
      'beta',
    ]
    await vsmcp(['schedule', 'add', 'job', '--cron', '0 3 * * *', '--tool', 'a__b', ...more], { dataDir })
    const said = { timezone: 'Europe/Berlin', missed: 'all', idempotent: true, timeoutMs: 10_000, args: { x: 1 }, node: 'beta' }
    expect(request(control.calls)).toMatchObject(said)
  })

  it('refuses what cannot be meant', async () => {
    const { dataDir } = await fakeNode()
    const add = ['schedule', 'add', 'job', '--cron', '0 3 * * *', '--tool', 'a__b']
    for (const wrong of [
      ['--args', '[1]'],
      ['--args', '{'],
      ['--missed', 'some'],
      ['--timeout', 'soon'],
    ]) {
      expect({ wrong, ...(await vsmcp([...add, ...wrong], { dataDir })) }).toMatchObject({ wrong, code: 2 })
    }
    expect(await vsmcp(['schedule', 'add', 'job', '--tool', 'x'], { dataDir })).toMatchObject({ code: 2 })
    expect(await vsmcp(['schedule', 'show', 'job'], { dataDir })).toMatchObject({ code: 2 })
    expect((await vsmcp(['schedule', 'rm', 'job'], { dataDir })).code).not.toBe(0)
  })

  it('lists schedules and shows what became of them', async () => {
    const { dataDir, control } = await fakeNode()
    expect((await vsmcp(['schedule'], { dataDir })).stdout).toBe('no schedules\n')
    const due = '2027-01-15T03:00:00.000Z'
    const skipped = { due, lastDue: due, count: 3, outcome: 'skipped', reason: 'the occurrence before was not over' } as const
    const done = { due, outcome: 'done', reason: '', nodeName: 'be\u001bta', startedAt: due, endedAt: due, attempt: 1 } as const
    control.scheduled = [
      {
        name: 'job',
        cron: '0 3 * * *',
        timezone: 'UTC',
        tool: 'a__b',
        args: { x: 1 },
        missed: 'skip',
        idempotent: true,
        timeoutMs: 60_000,
        addedBy: 'p',
        addedAt: due,
        next: due,
        running: { due, state: 'running', node: 'p', nodeName: 'alpha', attempt: 1 },
        waiting: 2,
        recent: [skipped, done],
      },
    ]
    expect((await vsmcp(['schedule', 'ls'], { dataDir })).stdout).toMatch(
      /job +0 3 \* \* \* UTC +a__b .*running on alpha +skipped/,
    )
    const { stdout } = await vsmcp(['schedule', 'show', 'job'], { dataDir })
    expect(stdout).toContain('running on alpha, 2 waiting')
    expect(stdout).toMatch(/skipped \(3\) .*was not over/)
    expect(stdout).not.toContain('\u001b')
    expect((await vsmcp(['schedule', 'show', 'job', '--json'], { dataDir })).json()).toEqual(control.scheduled[0])
    expect((await vsmcp(['schedule', 'rm', 'job'], { dataDir })).stdout).toBe('removed job\n')
  })
})

describe('attach', () => {
  it('passes command and arguments on as given, in the directory of the caller', async () => {
    const { dataDir, control } = await fakeNode()
    const argv = ['attach', 'files', '--start-timeout', '5s', '--', 'npx', '-y', 'x', '--json', '--', '', 'a b', '$HOME', '*']
    const { code, stdout } = await vsmcp(argv, { dataDir, cwd: '/srv' })
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'files: attached (fake 1): 2 tools, 0 resources, 0 prompts\n' })
    expect(request(control.calls)).toEqual({
      name: 'files',
      source: { kind: 'stdio', command: 'npx', args: ['-y', 'x', '--json', '--', '', 'a b', '$HOME', '*'], env: {}, cwd: '/srv' },
      startTimeoutMs: 5_000,
      replace: false,
    })
  })

  it('reads answers for when it cannot be asked from a file, and says that it is essential', async () => {
    const { dataDir, control } = await fakeNode()
    const cwd = await tempDir()
    const fallbacks = { sum: { content: [{ type: 'text', text: '?' }] } }
    await writeFile(join(cwd, 'answers.json'), JSON.stringify(fallbacks))
    await vsmcp(['attach', 'a', '--essential', '--fallback', 'answers.json', '--', 'x'], { dataDir, cwd })
    expect(request(control.calls)).toMatchObject({ terms: { essential: true }, fallbacks })
    for (const [text, why] of [
      ['{', 'is no JSON'],
      ['[]', 'holds no results by tool'],
    ] as const) {
      await writeFile(join(cwd, 'wrong.json'), text)
      const { code, stderr } = await vsmcp(['attach', 'a', '--fallback', 'wrong.json', '--', 'x'], { dataDir, cwd })
      expect([code, stderr]).toEqual([2, expect.stringContaining(why)])
    }
    const missing = await vsmcp(['attach', 'a', '--fallback', 'nowhere.json', '--', 'x'], { dataDir, cwd })
    expect(missing.stderr).toContain('there is no such file')
  })

  it('resolves paths against the directory of the caller, and ~', async () => {
    const { dataDir, control } = await fakeNode()
    await vsmcp(['attach', 'a', '--cwd', 'sub', '--', './server', './arg'], { dataDir, cwd: '/srv' })
    expect(request(control.calls)).toMatchObject({ source: { command: '/srv/server', args: ['./arg'], cwd: '/srv/sub' } })
    await vsmcp(['attach', 'b', '--cwd', '~/x', '--', 'bin/server'], { dataDir, cwd: '/srv' })
    expect(request(control.calls)).toMatchObject({ source: { command: '/srv/bin/server', cwd: join(homedir(), 'x') } })
  })

  it('reads variables from the command line and from a file, the former over the latter', async () => {
    const { dataDir, control } = await fakeNode()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'secret'), 's')
    await writeFile(join(cwd, '.env'), '# a comment\nA=file\nB="with = and #"\nexport C=file:secret\n')
    const argv = ['attach', 'a', '--env-file', '.env', '--env', 'A=flag=x', '--env', 'D=env:HOME', '--env', 'E=', '--', 'x']
    const { stderr, code } = await vsmcp(argv, { dataDir, cwd })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const env = { A: 'flag=x', B: 'with = and #', C: `file:${join(cwd, 'secret')}`, D: 'env:HOME', E: '' }
    expect(request(control.calls)).toMatchObject({ source: { env } })
  })

  it('makes a worker unit of a module, with threads for all processors but one and the usual memory, or as is said', async () => {
    const { dataDir, control } = await fakeNode()
    await vsmcp(['attach', 'w', '--worker', './tools.mjs', '--env', 'A=b'], { dataDir, cwd: '/srv' })
    const threads = Math.max(1, availableParallelism() - 1)
    const source = { kind: 'worker', module: '/srv/tools.mjs', threads, threadMemoryMb: 256, env: { A: 'b' }, cwd: '/srv' }
    expect(request(control.calls)).toMatchObject({ name: 'w', source })
    const more = ['--threads', '7', '--thread-memory', '32']
    await vsmcp(['attach', 'w', '--worker', './tools.mjs', ...more], { dataDir, cwd: '/srv' })
    expect(request(control.calls)).toMatchObject({ source: { threads: 7, threadMemoryMb: 32 } })
    for (const wrong of [
      ['--worker', 'x', '--', 'y'],
      ['--worker', 'x', '--url', 'http://y'],
      ['--threads', '2', '--', 'y'],
      ['--worker', 'x', '--threads', '0'],
    ]) {
      const { code, stderr } = await vsmcp(['attach', 'w', ...wrong], { dataDir })
      expect([code, stderr]).toEqual([2, expect.any(String)])
    }
  })

  it('makes one more provider of a unit where it is said', async () => {
    const { dataDir, control } = await fakeNode()
    await vsmcp(['attach', 'a', '--replica', '--', 'x'], { dataDir })
    expect(request(control.calls)).toMatchObject({ name: 'a', replica: true, replace: false })
  })

  it('warns of references that cannot be found from here', async () => {
    const { dataDir } = await fakeNode()
    const argv = ['attach', 'a', '--env', 'A=env:NOT_SET_ANYWHERE', '--env', 'B=file:/not/there', '--', 'x']
    const { stderr, code } = await vsmcp(argv, { dataDir })
    expect(code).toBe(0)
    expect(stderr).toContain('NOT_SET_ANYWHERE is not set here')
    expect(stderr).toContain('/not/there is not there')
  })

  it('claims resources alone or shared, and refuses what names none', async () => {
    const { dataDir, control } = await fakeNode()
    await vsmcp(['attach', 'a', '--claims', 'arm', '--claims', 'camera:shared', '--', 'x'], { dataDir })
    const claims = [
      { resource: 'arm', shared: false },
      { resource: 'camera', shared: true },
    ]
    expect(request(control.calls)).toMatchObject({ claims })
    for (const wrong of [':shared', 'a:b', 'a:shared:shared']) {
      const { code, stderr } = await vsmcp(['attach', 'a', '--claims', wrong, '--', 'x'], { dataDir })
      expect({ wrong, code }).toEqual({ wrong, code: 2 })
      expect(stderr).toContain('names no resource')
    }
  })

  it('takes a URL with headers', async () => {
    const { dataDir, control } = await fakeNode()
    const argv = ['attach', 'wiki', '--url', 'https://wiki.example/mcp', '--header', 'Authorization=env:HOME', '--json']
    expect((await vsmcp(argv, { dataDir })).json()).toMatchObject({ outcome: 'attached', unit: { name: 'wiki', kind: 'http' } })
    const source = { kind: 'http', url: 'https://wiki.example/mcp', headers: { Authorization: 'env:HOME' } }
    expect(request(control.calls)).toMatchObject({ source })
  })

  it('says unchanged, asks for --replace, replaces', async () => {
    const { dataDir } = await fakeNode()
    const attach = (...more: string[]): ReturnType<typeof vsmcp> => vsmcp(['attach', 'a', '--json', ...more], { dataDir })
    expect((await attach('--', 'x')).json()).toMatchObject({ outcome: 'attached' })
    expect((await attach('--', 'x')).json()).toMatchObject({ outcome: 'unchanged' })
    const refused = await attach('--', 'y')
    expect({ exit: refused.code, hint: refused.error().hint }).toEqual({ exit: 1, hint: 'Add --replace.' })
    expect((await attach('--replace', '--', 'y')).json()).toMatchObject({ outcome: 'replaced' })
  })

  it('fails with 1 and the last lines the server wrote', async () => {
    const { dataDir, control } = await fakeNode()
    const failure = new FakeError('VSMCP_UNIT_START', 'files exited with 1', {
      details: { stderr: ['Error: no module', '  at x\u001b[2J'] },
    })
    control.failures.set('attach', failure)
    const { code, stderr } = await vsmcp(['attach', 'files', '--', 'x'], { dataDir })
    expect(code).toBe(1)
    expect(stderr).toBe('vsmcp: files exited with 1 [VSMCP_UNIT_START]\n  | Error: no module\n  |   at x\ufffd[2J\n')
    control.failures.set('attach', failure)
    const json = await vsmcp(['attach', 'files', '--json', '--', 'x'], { dataDir })
    expect(json.error()).toEqual({ code: 'VSMCP_UNIT_START', message: 'files exited with 1', details: failure.details })
  })

  it.each([
    [['a'], 'what to attach as a is missing'],
    [[], 'the name of the unit is missing'],
    [['Bad_Name', '--', 'x'], '"Bad_Name" cannot be a unit\'s name'],
    [['a', '--url', 'http://x', '--', 'y'], 'COMMAND and --url do not go together'],
    [['a', '--url', 'ftp://x'], '"ftp://x" is not an http or https address'],
    [['a', '--header', 'A=b', '--', 'x'], '--header and a command do not go together'],
    [['a', '--import', 'f'], 'NAME and --import do not go together'],
    [['a', '--env', 'secret', '--', 'x'], '--env: NAME=VALUE is needed'],
  ])('refuses %j', async (argv, message) => {
    const { code, error } = await vsmcp(['attach', '--json', ...argv], { dataDir: '/nowhere' })
    expect({ code, message: error().message }).toEqual({ code: 2, message: expect.stringContaining(message) })
  })
})

describe('attach --import', () => {
  it("attaches every server of a client's file, each on its own", async () => {
    const { dataDir, control } = await fakeNode()
    const cwd = await tempDir()
    const mcpServers = {
      'My Files': { command: 'npx', args: ['x'], env: { T: '${env:HOME}' } },
      wiki: { type: 'http', url: 'https://w/mcp' },
      old: { type: 'sse', url: 'https://w/sse' },
    }
    await writeFile(join(cwd, 'claude.json'), JSON.stringify({ mcpServers }))
    const { code, json } = await vsmcp(['attach', '--import', 'claude.json', '--json'], { dataDir, cwd })
    expect(code).toBe(0)
    expect(json()).toMatchObject([
      {
        nameThere: 'My Files',
        name: 'my-files',
        outcome: 'attached',
        unit: { tools: 2 },
        notes: [expect.stringContaining('my-files')],
      },
      { nameThere: 'wiki', name: 'wiki', outcome: 'attached', notes: [] },
      { nameThere: 'old', outcome: 'skipped', notes: [expect.stringContaining('HTTP+SSE')] },
    ])
    expect(control.units_.get('my-files')?.request.source).toEqual({
      kind: 'stdio',
      command: 'npx',
      args: ['x'],
      env: { T: 'env:HOME' },
      cwd,
    })
  })

  it('goes on past one that fails, and exits with 1', async () => {
    const { dataDir, control } = await fakeNode()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'c.json'), '{"servers":{"a":{"command":"x"},"b":{"command":"y"}}}')
    control.failures.set('attach', new FakeError('VSMCP_UNIT_START', 'it exited'))
    const { code, stdout, stderr } = await vsmcp(['attach', '--import', 'c.json'], { dataDir, cwd })
    expect(code).toBe(1)
    expect(stdout).toMatch(/a: failed: it exited\nb: attached/)
    expect(stderr).toContain('1 server of')
  })
})

describe('apply', () => {
  it('sends what is declared, paths from the directory of the file', async () => {
    const { dataDir, control } = await fakeNode()
    const cwd = await tempDir()
    await writeFile(
      join(cwd, 'units.yaml'),
      'units:\n  files:\n    command: ./server\n    args: [-y, 8080, yes]\n    env: { PORT: 0123 }\n    startTimeout: 2m\n  wiki:\n    url: https://w/mcp\n',
    )
    const { code, stdout } = await vsmcp(['apply', '-f', join(cwd, 'units.yaml'), '--prune'], { dataDir })
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'files: attached\nwiki: attached\n' })
    const source = { kind: 'stdio', command: join(cwd, 'server'), args: ['-y', '8080', 'yes'], env: { PORT: '0123' }, cwd }
    expect(request(control.calls)).toEqual({
      prune: true,
      units: [
        { name: 'files', source, startTimeoutMs: 120_000 },
        { name: 'wiki', source: { kind: 'http', url: 'https://w/mcp', headers: {} }, startTimeoutMs: 30_000 },
      ],
    })
  })

  it('reads JSON, and standard input', async () => {
    const { dataDir, control } = await fakeNode()
    const stdin = '{\n\t"units": {\n\t\t"a": { "command": "x", "args": ["é"] }\n\t}\n}'
    expect((await vsmcp(['apply', '-f', '-'], { dataDir, cwd: '/srv', stdin })).code).toBe(0)
    expect(request(control.calls)).toMatchObject({ units: [{ name: 'a', source: { args: ['é'], cwd: '/srv' } }] })
  })

  it.each([
    ['units:\n  a:\n    command: x\n    comand: y\n', 4, 'unknown key "units.a.comand"'],
    ['units:\n  a:\n    command: x\n  a:\n    command: y\n', 4, 'keys must be unique'],
    ['units:\n  a:\n    command: x\n    args: y\n', 4, 'units.a.args: a list of texts is needed'],
    ['units:\n  a:\n    args: [y]\n', 2, 'unit a needs a command, a URL or a worker module, and has none'],
    ['units:\n  a: { command: x, url: "http://y" }\n', 2, 'and one only'],
    ['units:\n  a: { worker: x, url: "http://y" }\n', 2, 'and one only'],
    ['units:\n  a: { worker: x, threads: 0 }\n', 2, 'threads'],
    ['units:\n  A_b: { command: x }\n', 2, '"A_b" cannot be a unit\'s name'],
    ['units:\n  a:\n    command: x\n    startTimeout: soon\n', 4, 'a duration such as 30s'],
    ['# nothing\n', 1, 'the key "units" is needed'],
    ['units: [a]\n', 1, 'units by their names are needed'],
    ['units:\n  a: {command: x\n', 3, ''],
    ['a: *b\n', 1, ''],
  ])('names the line of what is wrong in %j', async (content, line, message) => {
    const cwd = await tempDir()
    await writeFile(join(cwd, 'u.yaml'), content)
    const { code, error } = await vsmcp(['apply', '-f', 'u.yaml', '--json'], { dataDir: '/nowhere', cwd })
    expect({ code, is: error().code }).toEqual({ code: 2, is: 'VSMCP_CLI_CONFIG' })
    expect(error().message).toContain(`u.yaml:${line}: `)
    expect(error().message).toContain(message)
  })
})
