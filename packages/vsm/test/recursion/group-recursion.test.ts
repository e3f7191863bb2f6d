import { describe, expect, it } from 'vitest'
import { type GroupDirective, GroupRecursion, type GroupNow, type RecordRules, ToolFilter } from '../../src/index.ts'
import { alert, groupNow, NOW } from '../support/group-record.ts'

const TRUST: RecordRules = { isNeighbour: () => true, mayCarry: () => true, mayVoice: () => true, isSigned: () => true }

interface Level {
  readonly group: string
  readonly organ: GroupRecursion
  readonly now: GroupNow
  readonly parent: Level | undefined
  readonly children: Level[]
  /** Its own, for all below it. */
  directives: GroupDirective[]
}

const level = (group: string, parent: Level | undefined, tools: readonly string[], more: Partial<GroupNow> = {}): Level => {
  const path = parent === undefined ? '/' : `${parent.now.path === '/' ? '' : parent.now.path}/${group}`
  const lineage = parent === undefined ? [group] : [...parent.now.lineage, group]
  const now = groupNow({ path, lineage, tools: ToolFilter.of(tools), ...more })
  const made = {
    group,
    organ: new GroupRecursion({ self: `leader of ${group}`, group }),
    now,
    parent,
    children: [],
    directives: [],
  }
  parent?.children.push(made)
  return made
}

/** root – eu – plant – line, and us beside eu. */
function mesh(more: Partial<GroupNow> = {}): { root: Level; eu: Level; us: Level; plant: Level; line: Level; all: Level[] } {
  const root = level('root', undefined, ['root__time'])
  const eu = level('eu', root, ['eu__time'])
  const us = level('us', root, ['us__time'])
  const plant = level('plant', eu, [])
  const line = level('line', plant, ['robot__weld'], more)
  return { root, eu, us, plant, line, all: [root, eu, us, plant, line] }
}

/** Every leader speaks once, and delegates carry what it says. @returns records said */
function round(levels: readonly Level[], atMs: number): number {
  let said = 0
  for (const { organ, now, parent, children, group, directives } of levels) {
    const places = children.map((child) => ({ group: child.group, path: child.now.path, directives }))
    for (const effect of organ.speak({ epoch: 1, term: 1 }, now, parent?.group, places, atMs)) {
      said++
      const carried = { carrier: 'delegate', bytes: 'bytes' in effect ? effect.bytes : new Uint8Array() }
      if (effect.type === 'record:up') expect(parent?.organ.fromBelow(carried, TRUST, atMs)).toMatchObject({ taken: true })
      else {
        const child = children.find((each) => 'group' in effect && each.group === effect.group)
        expect(child?.organ.fromAbove(carried, TRUST, atMs), group).toMatchObject({ taken: true })
      }
    }
  }
  return said
}

const asked = (tool: string) => ({ tool, asker: { from: 'here' as const }, visited: [] })

describe('groups in groups', () => {
  it('know within a second a level of a tool in the deepest one, and the way there from the farthest', () => {
    const { root, eu, us, plant, all } = mesh()
    for (let at = 0; at < 4; at++) round(all, NOW + at * 1_000)
    const up = us.organ.route(asked('robot__weld'), false, 'root')
    expect(up.steps).toEqual([{ to: 'parent', group: 'root' }])
    const atRoot = root.organ.route(
      { tool: 'robot__weld', asker: { from: 'child', group: 'us' }, visited: up.visited },
      false,
      undefined,
    )
    expect(atRoot.steps).toEqual([{ to: 'child', group: 'eu' }])
    const down = { tool: 'robot__weld', asker: { from: 'parent' as const }, visited: atRoot.visited }
    const atEu = eu.organ.route(down, false, 'root')
    expect(atEu.steps).toEqual([{ to: 'child', group: 'plant' }])
    expect(plant.organ.route({ ...down, visited: atEu.visited }, false, 'eu').steps).toEqual([{ to: 'child', group: 'line' }])
    expect(us.organ.route(asked('nobody__has'), false, 'root').steps).toEqual([{ to: 'parent', group: 'root' }])
    expect(root.organ.route({ ...down, tool: 'nobody__has', visited: [] }, false, undefined).steps).toEqual([])
  })

  it('tell the root of the pain in the deepest, and how much is below', () => {
    const { root, all } = mesh({ alerts: [alert('1', { group: 'line', severity: 'critical' })] })
    for (let at = 0; at < 4; at++) round(all, NOW + at * 1_000)
    expect(root.organ.child('eu')).toMatchObject({
      members: 9,
      groups: 2,
      depth: 2,
      alertsOpen: 1,
      alerts: [{ id: '1', group: 'line' }],
    })
    expect(root.organ.children).toHaveLength(2)
  })

  it('hear of an eviction wherever it was, up and down', () => {
    const gone = { peer: 'rogue', group: 'line', atMs: NOW, untilMs: NOW + 1e9 }
    const { all } = mesh({ evictions: [gone] })
    for (let at = 0; at < 6; at++) round(all, NOW + at * 1_000)
    for (const { group, organ } of all) if (group !== 'line') expect(organ.revocations.of('rogue'), group).toEqual([gone])
  })

  it('forget what the group above said when another one stands there, and hear that one from its first word on', () => {
    const { root, us, plant, all } = mesh()
    const directive = {
      id: 'd',
      by: 'root',
      order: { kind: 'concurrency' as const, most: 4 },
      reason: '',
      atMs: NOW,
      untilMs: NOW + 1e6,
    }
    root.directives = [directive]
    expect(plant.organ.standBelow('eu')).toBe(false)
    for (let at = 0; at < 3; at++) round(all, NOW + at * 1_000)
    expect(plant.organ.parent).toMatchObject({ parent: 'eu', lineage: ['root', 'eu'] })
    expect(plant.organ.told.directives).toEqual([directive])
    const told = plant.organ.told
    expect(plant.organ.standBelow('eu')).toBe(false)
    expect(plant.organ.standBelow('us')).toBe(true)
    expect([plant.organ.parent, plant.organ.told.directives]).toEqual([undefined, []])
    plant.organ.remember(told)
    expect(plant.organ.told.directives).toEqual([])
    // The one that was may still speak: it is no neighbour's word any more. The other one's order is its own.
    const places = [{ group: 'plant', path: '/us/plant', directives: [] }]
    const said = (by: Level, atMs: number) => by.organ.speak({ epoch: 1, term: 1 }, by.now, 'root', places, atMs)
    const eu = all.find(({ group }) => group === 'eu') ?? us
    const hear = (by: Level, atMs: number): unknown[] =>
      said(by, atMs).flatMap((effect) =>
        effect.type === 'record:down'
          ? [plant.organ.fromAbove({ carrier: `delegate to ${by.group}`, bytes: effect.bytes }, TRUST, atMs)]
          : [],
      )
    expect(hear(eu, NOW + 60_000)).toMatchObject([{ taken: false, refusal: 'orphan' }])
    expect(hear(us, NOW + 60_000)).toMatchObject([{ taken: true, isNew: true }])
    expect(plant.organ.parent).toMatchObject({ parent: 'us', path: '/us/plant', lineage: ['root', 'us'] })
  })

  it('follow directives of all above, and show who gave them', () => {
    const { root, line, all } = mesh()
    const order = { kind: 'concurrency' as const, most: 4 }
    const directive = { id: 'd', by: 'root', order, reason: 'half', atMs: NOW, untilMs: NOW + 1e6 }
    root.directives = [directive]
    for (let at = 0; at < 4; at++) round(all, NOW + at * 1_000)
    expect(line.organ.parent).toMatchObject({
      parent: 'plant',
      path: '/eu/plant/line',
      lineage: ['root', 'eu', 'plant'],
      directives: [directive],
    })
    // Nothing is heard of those above any more: what they told holds to its end, also for who begins anew, and is told on.
    line.organ.tick(NOW + 900_000)
    expect(line.organ.parent).toBeUndefined()
    expect(line.organ.told).toEqual({ directives: [directive], lineage: ['root', 'eu', 'plant'] })
    const anew = new GroupRecursion({ self: 'anew', group: 'line' })
    anew.remember(line.organ.told)
    expect(anew.told).toEqual(line.organ.told)
    const tell = (nowMs: number): unknown =>
      anew
        .speak({ epoch: 1, term: 9 }, line.now, 'plant', [{ group: 'cell', path: '/eu/plant/line/cell', directives: [] }], nowMs)
        .flatMap((effect) => (effect.type === 'record:down' ? effect.record.directives : []))
    expect(tell(NOW + 999_999)).toEqual([directive])
    expect(tell(NOW + 1e6 + 30_000)).toEqual([])
    // What is not said any more does not hold any more.
    root.directives = []
    for (let at = 10; at < 14; at++) round(all, NOW + at * 1_000)
    expect(line.organ.told.directives).toEqual([])
    anew.remember({ directives: [directive], lineage: [] })
    line.organ.remember({ directives: [directive], lineage: [] })
    expect(line.organ.told.directives).toEqual([])
  })

  it('are told those of the groups highest up first, and each knows which of its own it could not tell', () => {
    const { root, eu, plant } = mesh()
    const given = (by: string, count: number): GroupDirective[] =>
      Array.from({ length: count }, (_, at) => ({
        id: `1-${at}-stop`,
        by,
        order: { kind: 'stop', units: [`unit-${at}`] },
        reason: '',
        atMs: NOW,
        untilMs: NOW + 60_000,
      }))
    root.directives = given('root', 14)
    eu.directives = given('eu', 5)
    for (let at = 0; at < 4; at++) round([root, eu, plant], NOW + at * 1_000)
    expect(plant.organ.told.directives.map(({ by }) => by).join()).toBe([...Array(14).fill('root'), 'eu', 'eu'].join())
    expect(eu.organ.untold(eu, NOW + 4_000)).toEqual(eu.directives.slice(2))
    expect(root.organ.untold(root, NOW + 4_000)).toEqual([])
    // Those of the root have ended.
    expect(eu.organ.untold(eu, NOW + 60_000)).toEqual([])
  })

  it('are quiet while nothing is new: one record a direction in twenty seconds', () => {
    const { all } = mesh()
    for (let at = 0; at < 10; at++) round(all, NOW + at * 1_000)
    let said = 0
    for (let at = 10; at < 110; at++) said += round(all, NOW + at * 1_000)
    expect(said).toBe(4 * 2 * 5)
  })

  it('forget a child that is silent for a minute, and ask it nothing', () => {
    const { root, all } = mesh()
    for (let at = 0; at < 4; at++) round(all, NOW + at * 1_000)
    expect(root.organ.tick(NOW + 59_999)).toEqual([])
    expect(root.organ.tick(NOW + 70_000)).toEqual([
      { type: 'record:expired', group: 'eu' },
      { type: 'record:expired', group: 'us' },
    ])
    expect(root.organ.route(asked('robot__weld'), false, undefined).steps).toEqual([])
  })

  it('speak at once when somebody else leads, and below nobody who led before', () => {
    const { line, plant } = mesh()
    const say = (organ: GroupRecursion, term: number, atMs: number) => {
      const [effect] = organ.speak({ epoch: 1, term }, line.now, 'plant', [], atMs)
      return effect?.type === 'record:up'
        ? plant.organ.fromBelow({ bytes: effect.bytes, carrier: 'd' }, TRUST, atMs).taken
        : undefined
    }
    const next = new GroupRecursion({ self: 'next', group: 'line' })
    expect([say(line.organ, 1, NOW), say(line.organ, 1, NOW + 1), say(next, 2, NOW + 2)]).toEqual([true, undefined, true])
    expect(say(line.organ, 1, NOW + 20_000)).toBe(false)
    expect(plant.organ.child('line')).toMatchObject({ voice: 'next' })
  })

  it('that were moved below one another at once tell each other so: who was moved knows the circle, hears nothing of it, and says nothing upward', () => {
    const lineages: Record<string, string[]> = {
      a: ['root', 'b', 'x'],
      x: ['root', 'b'],
      b: ['root', 'a', 'y'],
      y: ['root', 'a'],
    }
    const groups = Object.entries(lineages).map(([group, above]) => ({
      group,
      above,
      parent: above.at(-1) ?? '',
      organ: new GroupRecursion({ self: `leader of ${group}`, group }),
    }))
    const turn = (atMs: number): number => {
      let up = 0
      for (const { group, above, parent, organ } of groups) {
        organ.standBelow(parent)
        // As a node knows where its group stands: by what the one above said, else by its own decision.
        const lineage = [...(organ.parent?.lineage ?? above), group]
        const places = groups.flatMap((each) =>
          each.parent === group ? [{ group: each.group, path: `/${each.group}`, directives: [] }] : [],
        )
        for (const effect of organ.speak({ epoch: 1, term: 1 }, groupNow({ lineage }), parent, places, atMs)) {
          if (effect.type === 'record:expired') continue
          const to = effect.type === 'record:up' ? parent : effect.group
          const other = groups.find((each) => each.group === to)?.organ
          const carried = { bytes: effect.bytes, carrier: 'd' }
          if (effect.type === 'record:up') up++
          if (other === undefined) continue
          expect(
            effect.type === 'record:up' ? other.fromBelow(carried, TRUST, atMs) : other.fromAbove(carried, TRUST, atMs),
          ).toMatchObject({ taken: true })
        }
      }
      return up
    }
    for (let at = 0; at < 4; at++) turn(NOW + at * 1_000)
    const circles = groups.map(({ organ }) => organ.circle)
    expect(circles).toEqual([['a', 'y', 'b', 'x'], undefined, ['b', 'x', 'a', 'y'], undefined])
    const [a, , b] = groups
    expect([a?.organ.parent, b?.organ.parent]).toEqual([undefined, undefined])
    // Only those say anything upward that were not moved: nothing goes round.
    expect(turn(NOW + 30_000)).toBe(2)
    // Moved again, it is whole: the other one hears from above at once.
    if (a !== undefined) Object.assign(a, { above: ['root'], parent: 'elsewhere' })
    for (let at = 40; at < 44; at++) turn(NOW + at * 1_000)
    expect(groups.map(({ organ }) => organ.circle)).toEqual([undefined, undefined, undefined, undefined])
    expect(b?.organ.parent?.lineage).toEqual(['root', 'a', 'y'])
  })

  it('of which one has come to stand deeper than groups go says nothing that nobody could read, and hinders nobody', () => {
    const { plant, line } = mesh()
    const lineage = ['1', '2', '3', '4', '5', '6', '7', '8', '9', 'line']
    const deep = groupNow({ path: '/1/2/3/4/5/6/7/8/9', lineage })
    expect(line.organ.speak({ epoch: 1, term: 1 }, deep, 'plant', [], NOW)).toEqual([])
    const places = [
      { group: 'line', path: '/2/3/4/5/6/7/8/9/line', directives: [] },
      { group: 'other', path: '/eu/plant/other', directives: [] },
    ]
    const said = plant.organ.speak({ epoch: 1, term: 1 }, plant.now, 'eu', places, NOW)
    expect(said.map((effect) => [effect.type, 'group' in effect ? effect.group : ''])).toEqual([
      ['record:up', ''],
      ['record:down', 'other'],
    ])
  })
})
