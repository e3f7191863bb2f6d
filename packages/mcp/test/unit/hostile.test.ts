import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { isRunning } from './support/processes.ts'
import { fastClock } from './support/fast-clock.ts'
import {
  commandSource,
  fixtureServer,
  makeUnit,
  nextEvent,
  rejection,
  sharedUnit,
  startedGuard,
  startUnit,
  temporaryDirectory,
  textOf,
  toolCall,
} from './support/unit-fixture.ts'

function hostile(...args: string[]) {
  return fixtureServer('hostile-server', ...args)
}

/** The pid a hostile server writes on stderr first. */
async function pidOf(unit: Parameters<typeof nextEvent>[0]): Promise<number> {
  const line = await nextEvent(unit, 'log', ({ text }) => text.startsWith('pid '))
  return Number(line.text.slice(4))
}

describe('a server that does not come up is told as what it is', () => {
  it('a command that does not exist', async () => {
    const unit = await makeUnit(commandSource('no-such-program-here'))
    const error = await rejection(unit.start())
    expect(error).toMatchObject({ code: 'VSMCP_UNIT_START', hint: expect.stringContaining('not by a shell') })
    expect(error.message).toContain('there is no program "no-such-program-here" on the PATH')
    expect(unit.state).toBe('stopped')
  })

  it('a working directory that does not exist', async () => {
    const unit = await makeUnit({ ...commandSource('node'), cwd: '/no/such/directory' })
    expect((await rejection(unit.start())).message).toContain('/no/such/directory does not exist')
  })

  it('one that exits at once, with its last words', async () => {
    const unit = await makeUnit(hostile('exit'))
    const error = await rejection(unit.start())
    expect(error).toMatchObject({ code: 'VSMCP_UNIT_START' })
    expect(error.message).toContain('it exited with code 3 before the handshake was done')
    expect(error.message).toContain('cannot open the database')
    expect((error as unknown as { stderr: string[] }).stderr.slice(-2)).toEqual(['cannot open the database', 'bye'])
  })

  it('one that prints rubbish and nothing else', async () => {
    const unit = await makeUnit(hostile('rubbish-only'))
    const { message } = await rejection(unit.start())
    expect(message).toContain('it printed 1000 lines on stdout that are no JSON-RPC')
    expect(message).toMatch(/it wrote first:\n {2}rubbish 0$/m)
  })

  it('one that prints something else than MCP and waits, with the first line of it, cut', async () => {
    const say = `console.log('\\x1b[31mWelcome' + '!'.repeat(5000)); console.log('more'); setInterval(() => {}, 1000)`
    const unit = await makeUnit(commandSource(process.execPath, '-e', say), { startTimeoutMs: 1_500 })
    const { message } = await rejection(unit.start())
    expect(message).toContain('its tools were not listed within 1500 ms')
    expect(message).toContain(`it wrote first:\n  Welcome${'!'.repeat(193)}…`)
    expect(message).not.toContain('more')
    await unit.stop()
  })

  it('one that hangs in the handshake, which is ended', async () => {
    const unit = await makeUnit(hostile('hang'), { startTimeoutMs: 1_500 })
    const pid = pidOf(unit)
    const error = await rejection(unit.start())
    expect(error.message).toContain('its tools were not listed within 1500 ms')
    expect(error.hint).toContain('--start-timeout')
    await unit.stop()
    expect(isRunning(await pid)).toBe(false)
  })

  it('one whose secret is missing, without starting it', async () => {
    const unit = await makeUnit({ ...commandSource('node'), env: { API_KEY: 'env:NO_SUCH_VARIABLE' } })
    const error = await rejection(unit.start())
    expect(error).toMatchObject({ code: 'VSMCP_UNIT_SECRET_MISSING' })
    expect(error.message).toContain('NO_SUCH_VARIABLE')
  })

  it('one whose definitions are over the bound', async () => {
    expect((await rejection((await makeUnit(hostile('huge-definitions'))).start())).message).toContain(
      'more than 1048576 bytes of definitions',
    )
  })

  it('one whose pages have no end', async () => {
    expect((await rejection((await makeUnit(hostile('endless-pages'))).start())).message).toContain(
      'more than 64 pages for tools/list',
    )
  })
})

describe('a server that is odd but works is used', () => {
  it('one that ends at anything but initialize', async () => {
    const unit = await startUnit(hostile('picky'))
    expect(unit.definitions?.era).toBe('legacy')
    expect(textOf(await unit.request(toolCall('tool')))).toBe('tool')
  })

  it('one that does not answer what it does not know', async () => {
    const unit = await startUnit(hostile('silent-on-unknown'), { startTimeoutMs: 4_000 })
    expect(unit.definitions?.era).toBe('legacy')
  })

  it('one that prints a debug line on stdout now and then', async () => {
    const unit = await startUnit(hostile('chatty'))
    const line = nextEvent(unit, 'log', ({ source }) => source === 'stdout')
    expect(textOf(await unit.request(toolCall('tool')))).toBe('tool')
    expect(await line).toMatchObject({ source: 'stdout', level: 'warning', text: 'DEBUG: called' })
  })

  it('one with unsound and repeated entries in its lists, without them', async () => {
    const unit = await startUnit(hostile('odd-tools'))
    expect(unit.definitions?.tools).toEqual([{ name: 'tool', inputSchema: { type: 'object' } }])
    expect(unit.definitions?.resources).toEqual([{ uri: 'a:b', name: 'x' }])
    expect(unit.definitions?.resourceTemplates).toEqual([])
  })
})

describe('an answer', () => {
  it('arrives byte for byte, whatever surrounds it', async () => {
    const unit = await startUnit(hostile('exact'))
    const reply = await unit.request(toolCall('tool'))
    expect(reply).toEqual({ era: 'legacy', resultJson: '{"big":12345678901234567890,"float":1.0,"e":1E2,"text":"\\u00e9}\\"{"}' })
  })

  it('cannot smuggle members into the message it is put in', async () => {
    const unit = await startUnit(hostile('injecting'))
    expect(await unit.request(toolCall('tool'))).toEqual({ era: 'legacy', resultJson: '{"content":["last"]}' })
  })

  it('that is an error is passed on as one', async () => {
    const unit = await startUnit(hostile('error'))
    expect(await unit.request(toolCall('tool'))).toEqual({
      era: 'legacy',
      error: { code: -32042, message: 'no', dataJson: '{"n":12345678901234567890}' },
    })
    expect(unit.stats()).toMatchObject({ calls: 1, errors: 1 })
  })

  it('too large fails its own call and no other', async () => {
    const unit = await startUnit(hostile('huge-answer'))
    for (const idFirst of [true, false]) {
      const [huge, other] = await Promise.allSettled([
        unit.request(toolCall('tool', { huge: true, idFirst })),
        unit.request(toolCall('tool')),
      ])
      expect(huge).toMatchObject({
        status: 'rejected',
        reason: { code: 'VSMCP_OUTCOME_UNKNOWN', details: { reason: 'too-large' } },
      })
      expect(other.status).toBe('fulfilled')
    }
    expect(unit.state).toBe('ready')
  })

  it('arrives after a flood of progress, of which only so much is passed on', async () => {
    const unit = await startUnit(hostile('flood'))
    let heard = 0
    const onNotification = (): void => void heard++
    expect(
      textOf(await unit.request(toolCall('tool', {}, { onNotification, meta: { progressToken: 1 }, deadlineMs: 20_000 }))),
    ).toBe('tool')
    expect(heard).toBe(10_000)
  })

  it('that comes after the deadline is dropped', async () => {
    const unit = await startUnit(hostile('slow'))
    const late = rejection(unit.request(toolCall('late', { ms: 300 }, { deadlineMs: 50 })))
    expect(await late).toMatchObject({ details: { reason: 'deadline' } })
    expect(textOf(await unit.request(toolCall('next', { ms: 400 })))).toBe('next')
  })
})

describe('a server that dies', () => {
  it('in a call: the caller is told that the outcome is unknown, and the server is started again', async () => {
    const unit = await startUnit(hostile('exit-in-call'), { clock: fastClock(10) })
    const states: string[] = []
    unit.on('state', ({ state }) => states.push(state))
    const again = nextEvent(unit, 'state', ({ state }) => state === 'ready')
    const error = await rejection(unit.request(toolCall('tool', {}, { deadlineMs: 60_000 })))
    expect(error).toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN', details: { reason: 'died' } })
    expect(error.message).toContain('it exited with code 4')
    await again
    expect(states).toEqual(['backing-off', 'starting', 'ready'])
    expect(unit.stats().restarts).toBe(1)
  })

  it('leaves calls that come meanwhile surely not sent', async () => {
    const unit = await startUnit(hostile('exit-in-call'), { clock: fastClock(10) })
    const down = nextEvent(unit, 'state', ({ state }) => state === 'backing-off')
    await rejection(unit.request(toolCall('tool')))
    await down
    const error = await rejection(unit.request(toolCall('tool')))
    expect(error).toMatchObject({ code: 'VSMCP_NOT_SENT' })
    expect(error.message).toContain('it is backing-off: it exited with code 4')
  })
})

describe('a server that answers nothing any more', () => {
  /** Deadlines long enough to say something about the server, as `fastClock` counts. */
  const patient = { deadlineMs: 5_000 }

  it('is started again when it does not answer a ping either', async () => {
    const clock = fastClock(20)
    const processes = await startedGuard(temporaryDirectory(), clock)
    const unit = await startUnit(hostile('hang-in-call'), { processes, clock })
    const down = nextEvent(unit, 'state', ({ state }) => state === 'backing-off')
    const up = nextEvent(unit, 'state', ({ state }) => state === 'ready')
    const calls = Array.from({ length: 5 }, async () => rejection(unit.request(toolCall('tool', { hang: true }, patient))))
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ details: { reason: 'deadline' } })
    expect(await rejection(unit.request(toolCall('tool')))).toMatchObject({ code: 'VSMCP_NOT_SENT' })
    expect((await down).reason).toContain('it no longer answers')
    await up
    expect(textOf(await unit.request(toolCall('tool', {}, { deadlineMs: 60_000 })))).toBe('tool')
  })

  it('is left alone when it answers a ping: its calls are only slow', async () => {
    const unit = await startUnit(hostile('no-answer'), { clock: fastClock(8) })
    const calls = Array.from({ length: 5 }, async () => rejection(unit.request(toolCall('tool', {}, patient))))
    await Promise.all(calls)
    let answered = false
    while (!answered) {
      await nextTurn()
      const outcome = await unit
        .request(toolCall('tool', { answer: true }, { deadlineMs: 60_000 }))
        .catch((error: { code: string }) => error.code)
      if (typeof outcome === 'string') expect(outcome).toBe('VSMCP_NOT_SENT')
      else answered = true
    }
    expect(unit.stats().restarts).toBe(0)
  })
})

describe('what one server is given at once', () => {
  const shared = sharedUnit(fixtureServer('hostile-server', 'no-answer'))

  it('is bounded: a full queue refuses at once, with advice, and what waited too long was not sent', async () => {
    const unit = shared()
    const call = async (deadlineMs: number) => rejection(unit.request(toolCall('tool', {}, { deadlineMs })))
    const inFlight = Array.from({ length: 128 }, async () => call(1_000))
    const queued = Array.from({ length: 512 }, async () => call(100))
    expect(unit.stats()).toMatchObject({ inFlight: 128, queued: 512 })
    const refused = await rejection(unit.request(toolCall('tool')))
    expect(refused).toMatchObject({ code: 'VSMCP_BUSY', hint: expect.stringContaining('Nothing was sent') })
    expect(new Set((await Promise.all(queued)).map(({ code }) => code))).toEqual(new Set(['VSMCP_NOT_SENT']))
    expect(new Set((await Promise.all(inFlight)).map(({ code }) => code))).toEqual(new Set(['VSMCP_OUTCOME_UNKNOWN']))
    expect(unit.stats()).toMatchObject({ inFlight: 0, queued: 0 })
    expect(textOf(await unit.request(toolCall('tool', { answer: true })))).toBe('tool')
  })

  it.each(['initialize', 'logging/setLevel', 'resources/subscribe', 'subscriptions/listen'])(
    'never is %s of a caller',
    async (method) => {
      const error = await rejection(shared().request({ method, paramsJson: '{}', deadlineMs: 1_000 }))
      expect(error).toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    },
  )

  it.each(['', 'null', '[]', '{', '{"a":1,"a":2}', '{"a":1}\n{"b":2}', '{"a":tru}', '{'.repeat(10)])(
    'never is what is no JSON object: %j',
    async (paramsJson) => {
      const error = await rejection(shared().request({ method: 'tools/call', paramsJson, deadlineMs: 1_000 }))
      expect(error).toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    },
  )
})

describe('stopping', () => {
  it('ends a server that ignores the end of stdin and SIGTERM', async () => {
    const processes = await startedGuard(temporaryDirectory(), fastClock(20))
    const unit = await makeUnit(hostile('deaf'), { processes })
    const pid = pidOf(unit)
    await unit.start()
    await unit.stop()
    expect(isRunning(await pid)).toBe(false)
    expect(unit.state).toBe('stopped')
  })

  it('while the server is starting ends it, too, and refuses a second start only while it runs', async () => {
    const unit = await makeUnit(hostile('hang'))
    const pid = pidOf(unit)
    const started = rejection(unit.start())
    expect(await rejection(unit.start())).toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    const running = await pid
    await unit.stop()
    expect((await started).message).toContain('did not start')
    expect(isRunning(running)).toBe(false)
    expect(unit.state).toBe('stopped')
  })

  it('while it waits to try again resolves at once', async () => {
    const unit = await makeUnit(commandSource('no-such-program-here'))
    const waiting = nextEvent(unit, 'state', ({ state }) => state === 'backing-off')
    unit.startInBackground()
    await waiting
    await unit.stop()
    expect(unit.state).toBe('stopped')
  })

  it('and starting again works', async () => {
    const unit = await startUnit(hostile('plain'))
    await unit.stop()
    expect(await rejection(unit.request(toolCall('tool')))).toMatchObject({ code: 'VSMCP_NOT_SENT' })
    await unit.start()
    expect(textOf(await unit.request(toolCall('tool')))).toBe('tool')
  })
})

describe('a unit started in the background', () => {
  it('counts as failed after several fast failures, and is tried again all the same', async () => {
    const unit = await makeUnit(commandSource('no-such-program-here'), { clock: fastClock(200) })
    const states: string[] = []
    unit.on('state', ({ state }) => states.push(state))
    const failed = nextEvent(unit, 'state', ({ state }) => state === 'failed')
    unit.startInBackground()
    await failed
    expect(states).toEqual([...Array.from({ length: 4 }, () => ['starting', 'backing-off']).flat(), 'starting', 'failed'])
    expect(unit.reason).toContain('no-such-program-here')
    await nextEvent(unit, 'state', ({ state }) => state === 'starting')
  })
})
