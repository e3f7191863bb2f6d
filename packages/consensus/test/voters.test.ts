import { type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { type Candidate, chooseVoters, type Configuration, type Reachability } from '../src/index.ts'
import { changedConfiguration, EMPTY_CONFIGURATION, isJoint, leftConfiguration } from '../src/raft/configuration.ts'

const DEAD_MS = 600_001

/** `a` votes, `b` is dead (`-`), `c` lags (`~`), `d` is away since a moment (`?`), `e` is an edge node (`*`), `f` a delegate of a child group (`^`): "a b- c~ d? e* f^". */
class Scene {
  configuration: Configuration
  members: Candidate[] = []
  readonly reachable = new Map<string, Reachability>()

  constructor(voters: string, members: string) {
    this.see(members)
    const peers = voters.split(' ')
    this.configuration = {
      ...EMPTY_CONFIGURATION,
      voters: peers,
      learners: this.members.map(({ peer }) => peer).filter((peer) => !peers.includes(peer)),
    }
  }

  see(members: string): this {
    this.members = []
    for (const word of members.split(' ').filter(Boolean)) {
      const [, peer = '', zone = '', marks = ''] = /^([a-z]+)(?:@(\w+))?([-~?*^]*)$/.exec(word) ?? []
      this.members.push({
        peer,
        zone,
        role: marks.includes('*') ? 'edge' : 'member',
        delegateOf: marks.includes('^') ? 'g' : undefined,
      })
      const away = marks.includes('-') || marks.includes('?')
      this.reachable.set(peer, {
        reachable: !away,
        failedForMs: marks.includes('-') ? DEAD_MS : away ? 1_000 : 0,
        inSync: !away && !marks.includes('~'),
        upForMs: 1_000,
      })
    }
    return this
  }

  /** The voters after the change that is chosen. */
  next(init = {}): string {
    const change = chooseVoters(this.members, this.reachable, this.configuration, init)
    if (change === undefined) return this.configuration.voters.join(' ')
    const after = changedConfiguration(this.configuration, change)
    this.configuration = isJoint(after) ? leftConfiguration(after) : after
    return this.configuration.voters.join(' ')
  }
}

test.for<[string, string, string, string]>([
  ['one node is its own quorum', 'a', 'a', 'a'],
  ['two nodes keep one voter', 'a', 'a b', 'a'],
  ['1→3 when both newcomers are in sync', 'a', 'a b c', 'a b c'],
  ['not 1→3 while one of them lags', 'a', 'a b c~', 'a'],
  ['not 1→3 while one of them is away', 'a', 'a b c?', 'a'],
  ['four nodes have three voters', 'a', 'a b c d', 'a b c'],
  ['3→5 when two more are in sync', 'a b c', 'a b c d e', 'a b c d e'],
  ['up to 5 by default', 'a b c d e', 'a b c d e f g', 'a b c d e'],
  ['a voter that is away for a moment keeps its seat', 'a b c', 'a b c? d', 'a b c'],
  ['a dead voter is replaced by a live member in sync', 'a b c', 'a b c- d', 'a b d'],
  ['a dead voter stays while nobody can take its seat', 'a b c', 'a b c-', 'a b c'],
  ['a dead voter stays while who could take its seat lags', 'a b c', 'a b c- d~', 'a b c'],
  ['two dead of five, one to take a seat', 'a b c d e', 'a b c d- e- f', 'a b c d f'],
  ['who left is out, and another member takes the seat', 'a b c', 'a b d', 'a b d'],
  ['of three one left: two keep one voter', 'a b c', 'a b', 'a'],
  ['of five one left: three vote, not four', 'a b c d e', 'a b c d', 'a b c'],
  ['of five one left and one is away: the one away gives its seat', 'a b c d e', 'a b? c d', 'a c d'],
  ['edge nodes fill seats while there are fewer than three others', 'a', 'a b e*', 'a b e'],
  ['edge nodes fill up to three seats, not five', 'a', 'a d* e* f* g*', 'a d e'],
  ['with three others edge nodes get no seat', 'a', 'a b c e*', 'a b c'],
  ['edge nodes give their seats up when there are three others', 'a b e', 'a b c e*', 'a b c'],
  ['an edge node stands in for a dead voter', 'a b c', 'a b c- e*', 'a b e'],
  ['edge nodes alone vote, too', 'd', 'd* e* f*', 'd e f'],
  ['delegates fill seats while there are fewer than three others', 'a', 'a b d^ e^', 'a b d'],
  ['with three others delegates get no seat', 'a b d', 'a b c d^ e^', 'a b c'],
  ['where there are none but delegates they govern, up to 5', 'a b c', 'a^ b^ c^ d^ e^ f^', 'a b c d e'],
  ['where there are none but delegates edge nodes only fill up', 'a', 'a^ b^ c^ e*', 'a b c'],
  ['a delegate on an edge node is an edge node', 'a', 'a^ b^ d^* e^', 'a b e'],
  ['a new voter comes from the zone with the fewest', 'a', 'a@x b@x c@x d@y e@z', 'a b c d e'],
  ['zones are spread when there is a choice', 'a b c', 'a@x b@x c@y- d@x e@z', 'a b e'],
])('rule 7: %s', ([, voters, members, expected]) => {
  expect(new Scene(voters, members).next()).toBe(expected)
})

test('rule 7: of equals the longest up takes the seat', () => {
  const scene = new Scene('a b c', 'a b c- d e')
  scene.reachable.set('e', { reachable: true, failedForMs: 0, inSync: true, upForMs: 9_000 })
  expect(scene.next()).toBe('a b e')
})

test('rule 7: at most 7, whatever is aimed for, and always odd', () => {
  const all = 'a b c d e f g h i j'
  expect(new Scene('a', all).next({ target: 9 })).toBe('a b c d e f g')
  expect(new Scene('a', all).next({ target: 4 })).toBe('a b c')
  expect(new Scene('a b c d e', all).next({ target: 3 })).toBe('a b c')
})

test('rule 7: all who do not vote learn, who is no member does neither', () => {
  const members: Candidate[] = ['a', 'b', 'c'].map((peer) => ({ peer, role: 'member', zone: '' }))
  const current = { ...EMPTY_CONFIGURATION, voters: ['a'], learners: ['b', 'x'] }
  expect(chooseVoters(members, new Map(), current)).toEqual({
    changes: [
      { type: 'remove', peer: 'x' },
      { type: 'learner', peer: 'c' },
    ],
  })
})

test('rule 7: a change of hundreds of learners comes in bounded parts, voters first', () => {
  const scene = new Scene('a', ['a', ...Array.from({ length: 20 }, (_, i) => `b${'bcdefghijklmnopqrstuvwxyz'[i]}`)].join(' '))
  scene.members = [
    ...scene.members,
    ...Array.from({ length: 300 }, (_, i): Candidate => ({ peer: `z${i}`, role: 'member', zone: '' })),
  ]
  const change = chooseVoters(scene.members, scene.reachable, scene.configuration)
  expect(change?.changes.length).toBe(64)
  expect(change?.changes.slice(0, 4).map(({ type }) => type)).toEqual(['voter', 'voter', 'voter', 'voter'])
  let changes = 0
  while (chooseVoters(scene.members, scene.reachable, scene.configuration) !== undefined) {
    scene.next()
    changes++
  }
  expect(changes).toBe(5)
  expect(scene.configuration.learners.length).toBe(316)
})

test('rule 7: nothing is proposed while a change is under way, or without members', () => {
  const scene = new Scene('a', 'a b c')
  expect(chooseVoters(scene.members, scene.reachable, { ...scene.configuration, outgoing: ['z'] })).toBeUndefined()
  expect(chooseVoters([], scene.reachable, scene.configuration)).toBeUndefined()
})

/** A random fleet: names, zones, roles and who is up. */
function randomScene(random: Random): Scene {
  const peers = 'abcdefghij'.slice(0, randomInteger(random, 1, 10))
  const describe = (peer: string): string =>
    `${peer}@${randomInteger(random, 1, 3)}${random.next() < 0.2 ? '*' : ''}${['', '', '', '~', '?', '-'][randomInteger(random, 0, 5)]}`
  return new Scene(peers[0] ?? 'a', peers.split('').map(describe).join(' '))
}

test('rule 7: for 3,000 random fleets the choice is odd, bounded, settles at once, and never drops a live voter but for a better reason', () => {
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = seededRandom(seed)
    const scene = randomScene(random)
    for (let step = 0; step < 6; step++) {
      const before = scene.configuration.voters
      scene.next()
      const { voters, learners } = scene.configuration
      expect(voters.length % 2, `seed ${seed}`).toBe(1)
      expect(voters.length).toBeLessThanOrEqual(5)
      expect([...voters, ...learners].sort()).toEqual(scene.members.map(({ peer }) => peer).sort())
      // Settled: with the same view nothing more is proposed.
      expect(chooseVoters(scene.members, scene.reachable, scene.configuration), `seed ${seed}`).toBeUndefined()
      const role = (peer: string): string | undefined => scene.members.find((member) => member.peer === peer)?.role
      const dropped = before.filter((peer) => !voters.includes(peer))
      const newcomers = voters.filter((peer) => !before.includes(peer))
      for (const peer of newcomers) expect(scene.reachable.get(peer)).toMatchObject({ reachable: true, inSync: true })
      if (voters.length >= before.length) {
        for (const peer of dropped) {
          const dead = (scene.reachable.get(peer)?.failedForMs ?? 0) >= DEAD_MS
          expect(dead || role(peer) === 'edge', `seed ${seed}: ${peer} dropped for nothing`).toBe(true)
        }
      }
      const others = scene.members.filter(
        ({ peer, role: r }) =>
          r === 'member' && scene.reachable.get(peer)?.reachable === true && scene.reachable.get(peer)?.inSync === true,
      )
      if (others.length >= 3)
        expect(
          voters.filter((peer) => role(peer) === 'edge'),
          `seed ${seed}`,
        ).toEqual([])
      // The fleet changes: somebody else is up or down now.
      const marks = ['', '', '', '~', '?', '-']
      scene.see(
        scene.members
          .map(({ peer, zone, role: r }) => `${peer}@${zone}${r === 'edge' ? '*' : ''}${marks[randomInteger(random, 0, 5)]}`)
          .join(' '),
      )
    }
  }
})
