import { BusyError, NotSentError, OutcomeUnknownError, type Plane, RemoteError, systemClock, TimeoutError } from '@vsmcp/kernel'
import type { RoutedRequest } from '@vsmcp/mcp'
import type { Routing } from '@vsmcp/vsm'
import { pack } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import type { Catalog } from '../src/catalog/catalog.ts'
import { UnitStoppedError, UnitUnreachableError } from '../src/errors.ts'
import { OwnOffers } from '../src/route/own-offers.ts'
import type { CallWatch } from '../src/route/call-watch.ts'
import type { Beyond } from '../src/recursion/beyond.ts'
import { Router, type RouterComponents } from '../src/route/router.ts'
import type { LocalUnits } from '../src/system1/local-units.ts'
import { startGroup, type TestNode, until } from './support/group.ts'
import { attach } from './support/servers.ts'

function call(tool: string, args: object, change: Partial<RoutedRequest> = {}): RoutedRequest {
  return {
    method: 'tools/call',
    target: tool,
    paramsJson: JSON.stringify({ name: tool, arguments: args, _meta: { progressToken: 1 } }),
    deadlineMs: 10_000,
    signal: new AbortController().signal,
    onNotification: () => {},
    ...change,
  }
}

async function twoNodes(fixture: string, args: string[] = []): Promise<{ near: TestNode; far: TestNode }> {
  const [near, far] = (await startGroup(2)) as [TestNode, TestNode]
  await far.units.attach(attach('u', fixture, args))
  await until(near, () => near.catalog.units.some(({ unit }) => unit === 'u'))
  return { near, far }
}

/** Resolves when the server has written this line. */
function said(node: TestNode, line: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  node.units.get('u')?.on('log', ({ text }) => {
    if (text === line) resolve()
  })
  return promise
}

describe('a call to a tool on another node', () => {
  it('is answered, with its progress in order', async () => {
    const { near } = await twoNodes('modern-server')
    const steps: number[] = []
    const onNotification = (method: string, json: string): void => {
      if (method === 'notifications/progress') steps.push((JSON.parse(json) as { progress: number }).progress)
    }
    const reply = await near.router.request(call('u__count', { to: 20 }, { onNotification }))
    expect(reply).toMatchObject({ era: 'modern', resultJson: expect.stringContaining('counted') as string })
    expect(steps).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
  })

  it('when cancelled is cancelled at the server, and its outcome is said to be unknown', async () => {
    const { near, far } = await twoNodes('legacy-server')
    const cancel = new AbortController()
    const waits = said(far, 'waiting x')
    const cancelled = said(far, 'cancelled x')
    const asked = near.router.request(call('u__wait', { name: 'x' }, { signal: cancel.signal }))
    const failed = expect(asked).rejects.toThrow(OutcomeUnknownError)
    await waits
    cancel.abort()
    await cancelled
    await failed
  })

  it('whose node dies meanwhile has an unknown outcome; the next is not sent', async () => {
    const { near, far } = await twoNodes('legacy-server')
    const waits = said(far, 'waiting x')
    const asked = near.router.request(call('u__wait', { name: 'x' }))
    const failed = expect(asked).rejects.toThrow(OutcomeUnknownError)
    await waits
    const stopped = far.stop()
    await failed
    await expect(near.router.request(call('u__wait', { name: 'y' }))).rejects.toThrow(NotSentError)
    await stopped
    expect(near.router.inFlight).toBe(0)
  })

  it('is not begun on a node that stops, and what is under way may end', async () => {
    const { near, far } = await twoNodes('hostile-server', ['slow'])
    const slow = near.router.request(call('u__tool', { ms: 300 }))
    await expect.poll(() => far.units.get('u')?.stats().inFlight).toBe(1)
    far.router.close()
    await expect(near.router.request(call('u__tool', { ms: 0 }))).rejects.toThrow(NotSentError)
    await expect(slow).resolves.toMatchObject({ era: 'legacy' })
    await far.router.drained()
  })

  it('is refused when it is no call to a unit', async () => {
    const { near, far } = await twoNodes('hostile-server')
    for (const payload of [['u', 'initialize', '{}'], ['u', 'tools/call', '{}\n{}'], ['u', 'tools/call', 7], 'u', null]) {
      const asked = near.mesh.rpc.call(far.peer, 'mcp:request', pack(payload), { deadlineMs: 5_000 })
      await expect(asked).rejects.toMatchObject({ remoteCode: 'VSMCP_INVALID_ARGUMENT' })
    }
  })
})

/** A router whose other node answers as told. */
function against(answer: () => Promise<Uint8Array>, change: Partial<RouterComponents> = {}): Router {
  const rpc: Plane = { call: answer, notify: () => true, handle: () => {}, onNotice: () => {} }
  const target = { unit: 'u', node: 'far', name: 'tool', providers: ['far'], isRepeatable: false }
  const catalog = { findTool: () => target } as unknown as Catalog
  const claims = { call: () => Promise.reject(new Error('nothing runs here')) }
  const watch: CallWatch = { called: () => {}, asked: () => () => {}, returned: () => {} }
  return new Router({
    beyond: {} as Beyond,
    clock: systemClock,
    self: 'near',
    catalog,
    units: {} as LocalUnits,
    claims,
    rpc,
    bargaining: { assertMayBeCalled: () => {} },
    degradation: { assertServed: () => {} },
    fallbacks: { insteadOf: () => undefined },
    own: new OwnOffers([]),
    routing: {} as Routing,
    watch,
    ...change,
  })
}

describe('a call of a unit that a group above has stopped', () => {
  it('is not sent, whatever the node that runs it would do with it', async () => {
    let sent = 0
    const answer = async (): Promise<Uint8Array> => {
      sent++
      return pack(['legacy', '{}'])
    }
    const stopped = new UnitStoppedError('unit u is stopped')
    const assertMayBeCalled = (unit: string): void => {
      if (unit === 'u') throw stopped
    }
    const router = against(answer, { bargaining: { assertMayBeCalled } })
    await expect(router.request(call('t', {}))).rejects.toBe(stopped)
    expect(sent).toBe(0)
  })
})

describe('a call that is tried again by who makes it', () => {
  it('is one demand, in vain or met, and nothing stands in for its answer', async () => {
    const busy = new BusyError('busy')
    let answers = [busy, busy, new OutcomeUnknownError('unknown')]
    const counted: string[] = []
    const router = against(() => Promise.reject(answers.shift() ?? busy), {
      watch: { called: ({ outcome }) => counted.push(outcome), asked: () => () => {}, returned: () => {} },
      fallbacks: { insteadOf: () => ({ era: 'legacy', resultJson: '{}' }) },
    })
    const outcomes: unknown[] = []
    for (const attempt of [0, 1, 2]) {
      outcomes.push(await router.request({ ...call('t', {}), attempt }).catch((error: Error) => error.constructor.name))
    }
    expect(outcomes).toEqual(['BusyError', 'BusyError', 'OutcomeUnknownError'])
    expect(counted).toEqual(['refused', 'late'])
    answers = []
    expect(await router.request(call('t', {}))).toEqual({ era: 'legacy', resultJson: '{}' })
  })
})

describe('what the other node says of a call', () => {
  it.each<[string, Error, abstract new (...args: never[]) => Error]>([
    ['not sent', new RemoteError('VSMCP_NOT_SENT', 'x'), NotSentError],
    ['outcome unknown', new RemoteError('VSMCP_OUTCOME_UNKNOWN', 'x'), OutcomeUnknownError],
    ['busy', new RemoteError('VSMCP_BUSY', 'x'), BusyError],
    ['timed out there', new RemoteError('VSMCP_TIMEOUT', 'x'), OutcomeUnknownError],
    ['timed out here', new TimeoutError('x'), OutcomeUnknownError],
    ['no such unit any more', new RemoteError('VSMCP_NODE_UNIT_UNKNOWN', 'x'), UnitUnreachableError],
    ['not listed there', new RemoteError('VSMCP_NODE_NOT_LISTED', 'x'), NotSentError],
    ['anything else', new RemoteError('VSMCP_INTERNAL', 'x'), RemoteError],
    ['busy before it left', new BusyError('x'), BusyError],
  ])('means the same here: %s', async (_what, thrown, Expected) => {
    await expect(against(() => Promise.reject(thrown)).request(call('t', {}))).rejects.toBeInstanceOf(Expected)
  })

  it.each([
    [null],
    [{ era: 'modern' }],
    [{ era: 'future', resultJson: '{}' }],
    [{ era: 'legacy', resultJson: '{}\n\ndata: {"forged":true}' }],
    [{ era: 'legacy', error: { code: 'x', message: 'y' } }],
  ])('is no answer when it is not in the form of one: %j', async (reply) => {
    await expect(against(() => Promise.resolve(pack(reply))).request(call('t', {}))).rejects.toThrow(/no answer/)
  })
})
