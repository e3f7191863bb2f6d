import { NotSentError, type PeerIdString, seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { createMesh, DialError } from '@vsmcp/mesh'
import { generateIdentity, type VerifiedPassport } from '@vsmcp/security'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NOT_OF_GROUP } from '../src/errors.ts'
import type { GroupMesh, SharedGroups } from '../src/seats/group-mesh.ts'
import { HostMesh, type Passports, type SeatDoor } from '../src/seats/host-mesh.ts'

/** Passports that say what they are, so that the test can decide who is believed. */
const inPlainText: Passports = {
  bundleOf: (home, others) => Buffer.concat([home, ...others]),
  passportsIn: (bundle) =>
    Buffer.from(bundle)
      .toString()
      .split(';')
      .filter((shown) => shown !== '')
      .map((group) => ({ group, passport: Buffer.from(group) })),
}

interface Node {
  host: HostMesh
  /** In the order of its groups, the home group first. */
  views: GroupMesh[]
  peer: PeerIdString
  at: string[]
  seat(group: string, change?: Partial<SeatDoor>): GroupMesh
}

let seed = 1

async function node(...groups: string[]): Promise<Node> {
  const host = new HostMesh({
    create: (components) =>
      createMesh({ listen: ['/ip4/127.0.0.1/tcp/0'] })<SharedGroups>({
        privateKey: generateIdentity().privateKeyProtobuf,
        clock: systemClock,
        random: seededRandom(seed++),
        logger: silentLogger,
        ...components,
      }),
    self: 'self',
    passports: inPlainText,
    clock: systemClock,
    logger: silentLogger,
  })
  const seat = (group: string, change: Partial<SeatDoor> = {}): GroupMesh =>
    host.open({
      group,
      passport: async () => Buffer.from(`${group};`),
      verify: async () => ({ info: { passport: group } as unknown as VerifiedPassport, addresses: [] }),
      isMember: () => true,
      redeem: () => Promise.reject(new Error('nobody joins')),
      assertLevel: () => {},
      ...change,
    })
  const views = groups.map((group) => seat(group))
  for (const view of views) await view.start()
  onTestFinished(async () => {
    for (const view of views.toReversed()) await view.stop()
  })
  return { host, views, peer: host.mesh.peerId, at: host.mesh.listenAddresses(), seat }
}

const first = ({ views }: Node): GroupMesh => views[0] as GroupMesh
const second = ({ views }: Node): GroupMesh => views[1] as GroupMesh
const isUp = (view: GroupMesh, { peer }: Node): boolean => view.peers().some((info) => info.peer === peer)

/** The next peer that comes up in this group. */
function up(view: GroupMesh): Promise<PeerIdString> {
  const { promise, resolve } = Promise.withResolvers<PeerIdString>()
  view.on('peer:up', ({ peer }) => resolve(peer))
  return promise
}

const ask = (from: GroupMesh, { peer }: Node, method = 'echo'): Promise<string> =>
  from.rpc.call(peer, method, Buffer.from('x'), { deadlineMs: 20_000 }).then((answer) => Buffer.from(answer).toString())

function echo(view: GroupMesh, says: string): void {
  view.rpc.handle('echo', async () => Buffer.from(says))
}

describe('groups on one connection', () => {
  it('each sees who is its member, and serves its own methods to these only', async () => {
    const both = await node('root', 'plant')
    const root = await node('root')
    const plant = await node('plant')
    echo(first(both), 'root here')
    echo(second(both), 'plant here')
    const there = [up(first(both)), up(second(both))]
    await Promise.all([first(root).dial(both.at), first(plant).dial(both.at), ...there])
    expect([isUp(first(both), root), isUp(first(both), plant)]).toEqual([true, false])
    expect([isUp(second(both), root), isUp(second(both), plant)]).toEqual([false, true])
    expect(await ask(first(root), both)).toBe('root here')
    expect(await ask(first(plant), both)).toBe('plant here')
    await expect(ask(first(both), plant)).rejects.toBeInstanceOf(NotSentError)
  })

  it('a method of another group is refused, however it is asked for', async () => {
    const both = await node('root', 'plant')
    const plant = await node('plant')
    echo(first(both), 'root here')
    await first(plant).dial(both.at)
    const past = plant.host.mesh.rpc.call(both.peer, 'echo', Buffer.from('x'), { deadlineMs: 20_000 })
    await expect(past).rejects.toMatchObject({ remoteCode: NOT_OF_GROUP })
  })

  it('are shown all together, and each alone, as long as the seat in it runs', async () => {
    const both = await node('root', 'plant')
    const text = async (shown: Promise<Uint8Array | undefined>) => Buffer.from((await shown) ?? []).toString()
    expect(await text(both.host.shown())).toBe('root;plant;')
    expect(await text(both.host.shownOf('plant'))).toBe('plant;')
    both.seat('young', { passport: () => Promise.reject(new Error('it is starting')) })
    expect(await text(both.host.shown())).toBe('root;plant;')
    expect([await both.host.shownOf('young'), await both.host.shownOf('other')]).toEqual([undefined, undefined])
  })

  it('who shares no group is refused, and told so', async () => {
    const root = await node('root')
    const plant = await node('plant')
    await expect(first(plant).dial(root.at)).rejects.toThrow(/VSMCP_NODE_NO_SHARED_GROUP/)
    expect(root.host.mesh.peers()).toEqual([])
  })

  it('gossip of one group does not reach those of another', async () => {
    const both = await node('root', 'plant')
    const plant = await node('plant')
    const topic = (group: string): string => `vsmcp/0/${group}/state`
    const heard: string[] = []
    const done = Promise.withResolvers<void>()
    first(plant).gossip.subscribe(topic('root'), () => heard.push('root at plant'))
    first(plant).gossip.subscribe(topic('plant'), () => done.resolve())
    first(both).gossip.subscribe(topic('root'), () => {})
    await Promise.all([first(plant).dial(both.at), up(second(both))])
    await first(both).gossip.publish(topic('root'), Buffer.from('not for plant'))
    await second(both).gossip.publish(topic('plant'), Buffer.from('for plant'))
    await done.promise
    expect(heard).toEqual([])
  })
})

describe('hanging up in one group', () => {
  /** Two nodes of two groups, connected; the second believes that the first belongs to the plant for as long as it is told. */
  async function twoInBoth() {
    const a = await node('root', 'plant')
    const b = await node('root')
    let isMember = true
    const plant = b.seat('plant', {
      verify: async () => {
        if (!isMember) throw new Error('it has left')
        return { info: { passport: 'plant' } as unknown as VerifiedPassport, addresses: [] }
      },
    })
    await plant.start()
    onTestFinished(() => plant.stop())
    for (const view of [first(a), first(b)]) echo(view, 'root here')
    for (const view of [second(a), plant]) echo(view, 'plant here')
    const there = [up(first(b)), up(plant)]
    await Promise.all([first(a).dial(b.at), ...there])
    return { a, b, plant, leave: () => (isMember = false) }
  }

  it('leaves the connection to another that both are in: what is under way there goes on, and who is out is told at the door', async () => {
    const { a, b, plant, leave } = await twoInBoth()
    const waits = Promise.withResolvers<Uint8Array>()
    const begun = Promise.withResolvers<void>()
    first(b).rpc.handle('wait', async () => {
      begun.resolve()
      return waits.promise
    })
    const underWay = ask(first(a), b, 'wait')
    await begun.promise
    const downs: string[] = []
    const refusals: string[] = []
    for (const view of [first(b), plant]) view.on('peer:down', ({ reason }) => downs.push(`${view.group} ${reason}`))
    const refused = new Promise<void>((resolve) => {
      second(a).on('peer:refused', ({ side }) => resolve(void refusals.push(side)))
    })
    leave()
    await plant.hangUp(a.peer)
    await refused
    expect(refusals).toEqual(['there'])
    expect(downs).toEqual(['plant hung-up'])
    expect([isUp(first(b), a), isUp(plant, a)]).toEqual([true, false])
    await expect(ask(plant, a)).rejects.toBeInstanceOf(NotSentError)
    await expect(ask(second(a), b)).rejects.toMatchObject({ remoteCode: NOT_OF_GROUP })
    waits.resolve(Buffer.from('done'))
    expect(await underWay).toBe('done')
    expect(await ask(first(b), a)).toBe('root here')
  })

  it('of a member is as a connection that was lost and made anew; in the last group that both are in it ends', async () => {
    const { a, b, plant, leave } = await twoInBoth()
    const again = up(plant)
    await plant.hangUp(a.peer)
    await again
    expect(await ask(plant, a)).toBe('plant here')
    leave()
    await plant.hangUp(a.peer)
    const gone = new Promise((resolve) => void first(a).on('peer:down', resolve))
    await first(b).hangUp(a.peer)
    await gone
    expect([b.host.mesh.peers(), a.host.mesh.peers()]).toEqual([[], []])
  })
})

describe('a new seat on open connections', () => {
  it('is shown to all, who see it in their group, in both directions', async () => {
    const a = await node('root')
    const b = await node('root', 'plant')
    await first(a).dial(b.at)
    expect(isUp(second(b), a)).toBe(false)
    echo(second(b), 'plant here')
    const atB = up(second(b))
    const plant = a.seat('plant')
    const atA = up(plant)
    await plant.start()
    expect(await atA).toBe(b.peer)
    expect(await atB).toBe(a.peer)
    expect(await ask(plant, b)).toBe('plant here')
    await plant.stop()
    await expect(ask(second(b), a)).rejects.toThrow()
    expect(await ask(first(b), a).catch((error: unknown) => String(error))).not.toContain('not connected')
  })

  it('that the other side does not believe stays closed, and both go on in the group they share', async () => {
    const a = await node('root')
    const b = await node('root')
    const refused = new Promise<string>((resolve) => {
      const never = b.seat('plant', {
        verify: async () => {
          throw new Error('not of us')
        },
      })
      void never.start()
      onTestFinished(() => never.stop())
      a.host.mesh.on('peer:up', () => {
        const plant = a.seat('plant')
        plant.on('peer:refused', ({ side, code }) => resolve(`${side} ${code}`))
        void plant.start()
        onTestFinished(() => plant.stop())
      })
    })
    await first(a).dial(b.at)
    expect(await refused).toBe('there VSMCP_MESH_HELLO_REFUSED')
    expect(isUp(first(a), b)).toBe(true)
  })

  it('is not verified again and again for a peer that shows itself without end', async () => {
    const a = await node('root')
    const b = await node('root')
    await first(a).dial(b.at)
    const again = (): Promise<Uint8Array> =>
      a.host.mesh.control.call(b.peer, 'hello:again', Buffer.from('root;'), { deadlineMs: 20_000 })
    for (let times = 0; times < 20; times++) await again()
    await expect(again()).rejects.toMatchObject({ remoteCode: 'VSMCP_NODE_HELLO_TOO_OFTEN' })
  })

  it('dialling a member that is connected by another group finds out whether it has come meanwhile', async () => {
    const a = await node('root', 'plant')
    const b = await node('root')
    await first(a).dial(b.at)
    await expect(second(a).dial(b.at, { expect: b.peer })).rejects.toBeInstanceOf(DialError)
    // Not started: the seat does not show itself by itself.
    b.seat('plant')
    expect(
      (await second(a)
        .dial(b.at, { expect: b.peer })
        .catch((error: unknown) => error)) instanceof DialError,
    ).toBe(true)
  })
})
