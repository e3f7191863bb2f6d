import { silentLogger, systemClock, seededRandom } from '@vsmcp/kernel'
import { createProcessGuard, createUnit, type Unit } from '@vsmcp/mcp'
import { createMemoryStore } from '@vsmcp/store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NoSystem5Error, UnitExistsError, UnitUnknownError } from '../src/errors.ts'
import { LocalUnits } from '../src/system1/local-units.ts'
import { UnitSpecs } from '../src/system1/unit-specs.ts'
import { emptyDirectory } from './support/group.ts'
import { attach } from './support/servers.ts'

/** The group around one node's units, as a test wants it. */
class Group {
  readonly held = new Set<string>()
  readonly taken = new Set<string>()
  readonly offered = new Map<string, readonly string[]>()
  decides = true
  takesOffers = true
  takesSpecs = true
}

async function unitsOf(group: Group, store = createMemoryStore()) {
  const random = seededRandom(1)
  const guard = createProcessGuard({ dir: await emptyDirectory() })({ clock: systemClock, random, logger: silentLogger })
  await guard.start()
  onTestFinished(() => guard.stop())
  const created: Unit[] = []
  const decided = (): void => {
    if (!group.decides) throw new NoSystem5Error('nobody leads')
  }
  const units = new LocalUnits({
    specs: new UnitSpecs({
      ...store,
      async write(operations, options) {
        if (!group.takesSpecs) throw new Error('no space left on device')
        await store.write(operations, options)
      },
    }),
    names: {
      assertFree: () => {},
      claim: async (name) => {
        decided()
        if (group.taken.has(name)) throw new UnitExistsError(`a unit ${name} is attached to another node already`)
        group.held.add(name)
      },
      release: async (name) => {
        decided()
        group.held.delete(name)
      },
      isSettled: (name) => group.held.has(name),
      held: () => [...group.held],
    },
    offers: {
      offer: async (name, _kind, { tools }) => {
        if (!group.takesOffers) throw new Error('too large for the shared document')
        group.offered.set(
          name,
          tools.map(({ name: tool }) => tool),
        )
      },
      withdraw: async (name) => void group.offered.delete(name),
    },
    create: (spec) => {
      const unit = createUnit({ spec, client: { name: 'test', version: '1' } })({
        processes: guard,
        clock: systemClock,
        random,
        logger: silentLogger,
      })
      created.push(unit)
      return unit
    },
    ownServerName: 'vsmcp-test',
    clock: systemClock,
    logger: silentLogger,
  })
  await units.start()
  onTestFinished(() => units.stop())
  return { units, created, store }
}

describe('attaching', () => {
  it('starts the server, claims its name, publishes and remembers it; the same again, even at once, changes nothing', async () => {
    const group = new Group()
    const { units, created, store } = await unitsOf(group)
    const request = attach('files', 'hostile-server')
    expect(await Promise.all([units.attach(request), units.attach(request)])).toEqual(['attached', 'unchanged'])
    expect(created).toHaveLength(1)
    expect(group.offered.get('files')).toEqual(['tool'])
    await units.stop()

    const again = await unitsOf(group, store)
    const unit = again.units.get('files')
    await new Promise<void>((resolve) => unit?.on('definitions', () => resolve()))
    expect(unit?.state).toBe('ready')
  })

  it('fails with the last lines of stderr, and leaves nothing behind', async () => {
    const group = new Group()
    const { units } = await unitsOf(group)
    await expect(units.attach(attach('files', 'hostile-server', ['exit']))).rejects.toThrow(/cannot open the database\n\s+bye/)
    expect(units.list()).toEqual([])
    expect(group.held.size + group.offered.size).toBe(0)
  })

  it.each([
    ['the name is taken', (group: Group) => void group.taken.add('files'), /attached to another node/],
    ['nobody decides', (group: Group) => void (group.decides = false), /nobody leads/],
    ['it cannot be published', (group: Group) => void (group.takesOffers = false), /too large/],
    ['it cannot be written down', (group: Group) => void (group.takesSpecs = false), /no space left/],
  ])('leaves nothing behind when %s', async (_what, spoil, message) => {
    const group = new Group()
    const { units, created } = await unitsOf(group)
    spoil(group)
    await expect(units.attach(attach('files', 'hostile-server'))).rejects.toThrow(message)
    expect(units.list()).toEqual([])
    expect(created.map(({ state }) => state)).toEqual(['stopped'])
    expect(group.held.size + group.offered.size).toBe(0)
    Object.assign(group, { decides: true, takesOffers: true, takesSpecs: true })
    group.taken.clear()
    expect(await units.attach(attach('files', 'hostile-server'))).toBe('attached')
  })

  it('a different server of the same name needs --replace; when that fails the old one goes on', async () => {
    const group = new Group()
    const { units } = await unitsOf(group)
    await units.attach(attach('files', 'hostile-server'))
    const before = units.get('files')
    await expect(units.attach(attach('files', 'modern-server'))).rejects.toThrow(UnitExistsError)
    await expect(units.attach(attach('files', 'hostile-server', ['exit'], { replace: true }))).rejects.toThrow(/cannot open/)
    group.takesSpecs = false
    await expect(units.attach(attach('files', 'modern-server', [], { replace: true }))).rejects.toThrow(/no space/)
    expect(units.get('files')).toBe(before)
    expect(before?.state).toBe('ready')
    expect(group.offered.get('files')).toEqual(['tool'])
    const reply = await before?.request({ method: 'tools/call', paramsJson: '{"name":"tool"}', deadlineMs: 5_000 })
    expect(reply).toMatchObject({ resultJson: expect.stringContaining('tool') as string })
  })

  it('replaces without a moment in which there is no unit', async () => {
    const group = new Group()
    const { units, created } = await unitsOf(group)
    await units.attach(attach('files', 'hostile-server'))
    let gaps = 0
    for (const event of ['unit:state', 'unit:definitions'] as const) {
      units.on(event, () => (gaps += units.get('files')?.state === 'ready' ? 0 : 1))
    }
    expect(await units.attach(attach('files', 'legacy-server', [], { replace: true }))).toBe('replaced')
    expect(gaps).toBe(0)
    expect(created.map(({ state }) => state)).toEqual(['stopped', 'ready'])
    expect(group.offered.get('files')).toContain('sum')
  })

  it('ends the server that is still starting when the node stops', async () => {
    const group = new Group()
    const { units, created } = await unitsOf(group)
    const hanging = expect(units.attach(attach('files', 'hostile-server', ['hang']))).rejects.toThrow()
    await expect.poll(() => created.length).toBe(1)
    await units.stop()
    await hanging
    expect(created.map(({ state }) => state)).toEqual(['stopped'])
    await expect(units.attach(attach('files', 'hostile-server'))).rejects.toThrow(/stopping/)
  })
})

describe('detaching', () => {
  it('gives the name back; without a System 5 the unit stays as it is', async () => {
    const group = new Group()
    const { units } = await unitsOf(group)
    await units.attach(attach('files', 'hostile-server'))
    group.decides = false
    await expect(units.detach('files')).rejects.toThrow(NoSystem5Error)
    expect(units.get('files')?.state).toBe('ready')
    expect(group.offered.has('files')).toBe(true)
    group.decides = true
    await units.detach('files')
    expect(group.held.size + group.offered.size + units.list().length).toBe(0)
    await expect(units.detach('files')).rejects.toThrow(UnitUnknownError)
  })
})

describe('names that a crash left', () => {
  it('without a unit are given back, and those of a unit claimed again', async () => {
    const group = new Group()
    const { units } = await unitsOf(group)
    await units.attach(attach('files', 'hostile-server'))
    group.held.clear()
    group.held.add('orphan')
    const settled = new Promise<void>((resolve) => {
      const release = group.held.delete.bind(group.held)
      group.held.delete = (name) => {
        const was = release(name)
        resolve()
        return was
      }
    })
    units.settleNames()
    await settled
    expect([...group.held]).toEqual(['files'])
  })

  it('a damaged record holds up nobody else', async () => {
    const store = createMemoryStore()
    await store.write([{ type: 'put', key: 'broken', value: Buffer.from('{"name":') }])
    const { units } = await unitsOf(new Group(), store)
    expect(await units.attach(attach('files', 'hostile-server'))).toBe('attached')
  })
})
