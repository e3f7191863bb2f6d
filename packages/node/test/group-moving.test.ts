import { type Clock, silentLogger, systemClock } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { CharterDesk } from '../src/charter/charter-desk.ts'
import { operatorKeyFile, operatorSigner } from '../src/charter/operator-signer.ts'
import { CONTROL_DEADLINE_MS } from '../src/constants.ts'
import { NoSystem5Error } from '../src/errors.ts'
import type { Membership } from '../src/recursion/memberships.ts'
import type { GroupMoved, SignedMove } from '../src/seats/contract.ts'
import type { GroupDesk } from '../src/seats/group-desk.ts'
import type { Request } from '../src/system5/decisions.ts'
import { foundMesh, type TestNode } from './support/group.ts'
import { why } from './support/operator.ts'
import { seatsOf } from './support/seats.ts'

interface World {
  home: TestNode
  desk: GroupDesk
  of: (path: string) => Membership
  /** As the command does it: what is to be signed, signed by the operator, and carried out. */
  move: (group: string, to: string) => Promise<GroupMoved>
  signed: (group: string, to: string) => Promise<SignedMove | undefined>
  /** Paths of groups that take the one of this id for their own: it is listed, and has come. */
  owners: (id: string) => string[]
}

/** What a move waits for is told by events: where only its deadline ended the waiting, it would be for ever. */
const patient: Clock = {
  ...systemClock,
  after: (delayMs, fn) => systemClock.after(delayMs === CONTROL_DEADLINE_MS ? 3_600_000 : delayMs, fn),
}

/** One node that founded all groups, and is the only member of each. */
async function world(...paths: string[]): Promise<World> {
  const home = await foundMesh('a')
  const { desk } = await seatsOf(home, patient)
  for (const path of paths) {
    const { id } = await desk.create({ path })
    await expect.poll(() => home.memberships.get(id)?.parts.log.isLeader, { timeout: 20_000 }).toBe(true)
  }
  const of = (path: string): Membership => desk.membership(path)
  const signed = async (group: string, to: string): Promise<SignedMove | undefined> => {
    const { order } = await desk.moving.draft({ group, to })
    if (order === null) return undefined
    const charter = new CharterDesk({ ...of(group).parts, clock: systemClock, logger: silentLogger })
    return (await operatorSigner(operatorKeyFile(home.dir), await charter.show())).sign({ ...order, ...why })
  }
  const move = async (group: string, to: string): Promise<GroupMoved> => {
    const order = await signed(group, to)
    return desk.move({ group, to, ...(order === undefined ? {} : { order }) })
  }
  const owners = (id: string): string[] =>
    home.memberships
      .list()
      .filter(({ parts }) => parts.log.state?.groups.has(id) === true && parts.log.state.groups.get(id)?.awaited !== true)
      .map((membership) => desk.pathOf(membership))
  return { home, desk, of, move, signed, owners }
}

const reasonOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { details?: { reason?: unknown }; code?: unknown }) => error.details?.reason ?? error.code,
  )

describe('a group is moved below another one', () => {
  it('with what is below it, keeps its id, is called where it is, by another name if wanted, and comes back', async () => {
    const { desk, of, move, owners } = await world('/eu', '/us', '/eu/plant', '/eu/plant/line')
    const { id } = desk.view('/eu/plant')
    const line = desk.view('/eu/plant/line').id
    expect(await move('/eu/plant', '/us/hall')).toMatchObject({ group: { id, path: '/us/hall' }, released: true })
    expect(owners(id)).toEqual(['/us'])
    expect(desk.view(line).path).toBe('/us/hall/line')
    expect(of('/us/hall').parent).toBe(of('/us').group)
    // It is a unit of the one, and none of the other.
    await expect.poll(() => of('/us').parts.log.state?.units.keys(), { timeout: 20_000 }).toEqual(['hall'])
    await expect.poll(() => of('/eu').parts.log.state?.units.keys(), { timeout: 20_000 }).toEqual([])
    // Each hears the other, and nobody the one that was.
    await expect.poll(() => of('/us').parts.records.recursion.child(id)?.path, { timeout: 20_000 }).toBe('/us/hall')
    await expect.poll(() => of('/us/hall').parts.records.recursion.parent?.parent, { timeout: 20_000 }).toBe(of('/us').group)
    await expect.poll(() => of('/eu').parts.records.recursion.child(id), { timeout: 20_000 }).toBeUndefined()
    const [root, us] = [of('/').group, of('/us').group]
    await expect.poll(() => of('/us/hall/line').parts.place.lineage, { timeout: 20_000 }).toEqual([root, us, id, line])
    // Groups are founded below it as before.
    expect((await desk.create({ path: '/us/hall/cell' })).path).toBe('/us/hall/cell')
    // Below the root itself, and back.
    expect(await move('/us/hall', '/')).toMatchObject({ group: { path: '/hall' }, released: true })
    expect(await move('/hall', '/eu/plant')).toMatchObject({ group: { path: '/eu/plant' }, released: true })
    expect(owners(id)).toEqual(['/eu'])
    expect(of('/eu/plant').parts.place.move).toBe(3)
  })

  it('within the group where it stands it is renamed, which needs no operator', async () => {
    const { desk, signed } = await world('/eu', '/eu/plant')
    expect(await signed('/eu/plant', '/eu/hall')).toBeUndefined()
    expect(await desk.move({ group: '/eu/plant', to: '/eu/hall' })).toMatchObject({ group: { path: '/eu/hall' }, released: true })
    for (const to of ['/eu', '/eu/hall']) {
      expect(await desk.move({ group: '/eu/hall', to })).toMatchObject({ group: { path: '/eu/hall' }, released: true })
    }
  })

  it('not where it cannot be, nor by whom the charter does not name', async () => {
    const { desk, of, move, signed } = await world('/eu', '/us', '/eu/plant', '/us/plant', '/eu/plant/line')
    const [eu, plant] = [desk.view('/eu').id, desk.view('/eu/plant').id]
    expect(await reasonOf(move('/eu', '/eu/plant'))).toBe('cycle')
    expect(await reasonOf(move('/eu', '/eu/plant/line'))).toBe('cycle')
    expect(await reasonOf(move('/', '/us'))).toBe('outermost')
    expect(await reasonOf(move('/eu/plant', '/us'))).toBe('name-taken')
    expect(await reasonOf(move('/eu/plant', '/us/No Name'))).toBe('label-invalid')
    expect(await reasonOf(move('/eu/plant', '/cn/plant'))).toBe('VSMCP_NODE_GROUP_UNKNOWN')
    expect(await reasonOf(move('/cn', '/us'))).toBe('VSMCP_NODE_GROUP_UNKNOWN')
    const order = await signed('/eu/plant', '/us/hall')
    if (order === undefined) throw new Error('nothing to sign')
    const to = { group: '/eu/plant', to: '/us/hall' }
    expect(await reasonOf(desk.move(to))).toBe('VSMCP_INVALID_ARGUMENT')
    expect(await reasonOf(desk.move({ ...to, order: { ...order, reason: 'another' } }))).toBe('signature-wrong')
    // Nothing of all that has left anything behind.
    expect(of('/us').parts.log.state?.groups.has(plant)).toBe(false)
    expect(of('/').parts.log.state?.groups.has(eu)).toBe(true)
    expect(await desk.move({ ...to, order })).toMatchObject({ group: { path: '/us/hall' } })
  })

  it('while another one is moved below it: both say that they are in a circle and what to do, and are whole when one has left it', async () => {
    const { home, desk, of, move, signed, owners } = await world('/a', '/b', '/a/y', '/b/x')
    const [a, b, x, y] = ['/a', '/b', '/b/x', '/a/y'].map((path) => of(path))
    if (a === undefined || b === undefined || x === undefined || y === undefined) throw new Error('no such groups')
    const moves = [
      { child: a, parent: x, order: await signed('/a', '/b/x') },
      { child: b, parent: y, order: await signed('/b', '/a/y') },
    ] as const
    // Each by what it can know: neither has heard of the other.
    for (const { child, parent, order } of moves) {
      if (order === undefined) throw new Error('nothing to sign')
      const name = order.path.slice(-1)
      const { charterDigest } = child.parts.place
      await parent.parts.decisions.decide({
        op: 'group:await',
        id: child.group,
        name,
        charterDigest,
        move: 1,
        levels: 1,
        asDelegate: false,
      })
    }
    for (const { child, order } of moves) if (order !== undefined) await child.parts.decisions.decide(order)
    const circle = (each: Membership): unknown => each.parts.records.recursion.circle
    await expect
      .poll(() => moves.map(({ child }) => circle(child)), { timeout: 30_000 })
      .toEqual([
        [a.group, y.group, b.group, x.group],
        [b.group, x.group, a.group, y.group],
      ])
    const problem = (path: string): string =>
      `it stands below itself, in a circle of 4 groups that is below no other; move one out: \`vsmcp group move ${path} /\``
    expect(desk.problems()).toEqual(expect.arrayContaining(['/b/x/a', '/a/y/b'].map((path) => `group ${path}: ${problem(path)}`)))
    expect(desk.view('/b/x/a')).toMatchObject({ id: a.group, problem: problem('/b/x/a') })

    expect(await move('/b/x/a', '/')).toMatchObject({ group: { id: a.group, path: '/a' }, released: true })
    await expect.poll(() => [circle(a), circle(b)], { timeout: 30_000 }).toEqual([undefined, undefined])
    await expect
      .poll(() => b.parts.records.recursion.parent?.lineage, { timeout: 30_000 })
      .toEqual([home.trust.enrolment.groupId, a.group, y.group])
    expect([owners(a.group), owners(b.group), desk.pathOf(x)]).toEqual([['/'], ['/a/y'], '/a/y/b/x'])
    await expect.poll(() => desk.problems(), { timeout: 30_000 }).toEqual([])
  }, 90_000)

  it('not deeper than groups go, what is below it counted', async () => {
    const levels = Array.from(
      { length: 7 },
      (_, at) => `/${Array.from({ length: at + 1 }, (_each, label) => `n${label}`).join('/')}`,
    )
    const { home, move } = await world(...levels, '/far', '/far/below')
    const far = home.log.state?.groups.entries().find(([, { name }]) => name === 'far')?.[0] ?? ''
    await expect.poll(() => home.records.recursion.child(far)?.depth, { timeout: 20_000 }).toBe(1)
    expect(await reasonOf(move('/far', levels.at(-1) ?? ''))).toBe('too-deep')
    expect(await move('/far', levels.at(-2) ?? '')).toMatchObject({ group: { path: `${levels.at(-2)}/far` } })
  }, 60_000)
})

describe('a move that is cut off', () => {
  const STEPS = [
    ['group:await', '/us'],
    ['group:move', '/eu/plant'],
    ['group:placed', '/us'],
    ['group:placed', '/eu'],
  ] as const

  it.each(
    STEPS.flatMap(([op, path]) => [
      [`before ${op} in ${path}`, op, path, 'before'] as const,
      [`after ${op} in ${path}, its answer lost`, op, path, 'after'] as const,
    ]),
  )(
    '%s goes on when it is asked for again; at no time two groups have it for their own by the same word',
    async (_, op, path, when) => {
      const { home, desk, of, move, owners } = await world('/eu', '/us', '/eu/plant')
      const { id } = desk.view('/eu/plant')
      const { group: where } = of(path)
      const failure = new NoSystem5Error('the power failed')
      let isCut = false
      const restores: (() => void)[] = []
      for (const { group, parts } of home.memberships.list()) {
        const { decisions } = parts
        const decide = decisions.decide.bind(decisions)
        decisions.decide = async (request: Request, deadlineMs?: number) => {
          if (!/^group:(?:await|move|placed)$/.test(request.op)) return decide(request, deadlineMs)
          const isIt = request.op === op && group === where
          if (isIt && when === 'after') await decide(request, deadlineMs)
          isCut ||= isIt
          if (isCut) throw failure
          return decide(request, deadlineMs)
        }
        restores.push(() => (decisions.decide = decide))
      }
      const outcome = await reasonOf(move('/eu/plant', '/us'))
      // What is told to the groups above others tell, too, as soon as it is decided; and the former one is told later, which is no failure.
      if (op !== 'group:placed') expect(outcome).toBe(failure.code)
      await expect.poll(() => isCut, { timeout: 20_000 }).toBe(true)
      const { move: moves, parent } = of(id).parts.place
      for (const each of owners(id)) {
        const listed = of(each).parts.log.state?.groups.get(id)
        if ((listed?.move ?? 0) === moves) expect(of(each).group).toBe(parent)
      }
      for (const restore of restores) restore()
      // By the path that it had, or has: the very same again.
      expect(await move('/eu/plant', '/us')).toMatchObject({ group: { id, path: '/us/plant' } })
      await expect.poll(() => owners(id), { timeout: 20_000 }).toEqual(['/us'])
      await expect.poll(() => of('/us').parts.log.state?.units.keys(), { timeout: 20_000 }).toEqual(['plant'])
      expect(of(id).parts.place.move).toBe(1)
    },
  )

  it('by a former group above that cannot decide is done all the same: that one is told by itself once it can', async () => {
    const { desk, of, move, owners } = await world('/eu', '/us', '/eu/plant')
    const { id } = desk.view('/eu/plant')
    const { decisions } = of('/eu').parts
    const decide = decisions.decide.bind(decisions)
    decisions.decide = (request: Request, deadlineMs?: number) =>
      request.op === 'group:placed' ? Promise.reject(new NoSystem5Error('nobody leads there')) : decide(request, deadlineMs)
    expect(await move('/eu/plant', '/us')).toMatchObject({ group: { path: '/us/plant' }, released: false })
    expect(owners(id).sort()).toEqual(['/eu', '/us'])
    decisions.decide = decide
    await expect.poll(() => owners(id), { timeout: 30_000 }).toEqual(['/us'])
  })
})
