import { readFile, rm, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { AlreadyEnrolledError, EnrolmentUnreadableError, NotEnrolledError } from '../src/errors.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { readDirectoryState } from '../src/enrol/directory-state.ts'
import { readEnrolment, requireEnrolment, writeEnrolment } from '../src/enrol/enrolment.ts'
import { initMesh } from '../src/enrol/init-mesh.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import { emptyDirectory, foundMesh, tokenOf } from './support/group.ts'

async function enrolled(): Promise<string> {
  const dataDir = await emptyDirectory()
  await initMesh({ dataDir, name: 'a' })
  return dataDir
}

describe('a data directory', () => {
  it('is made by asking again when the first time was cut off before the end', async () => {
    const dataDir = await emptyDirectory()
    const first = await initMesh({ dataDir, name: 'x' })
    await rm(dataDirectory(dataDir).enrolment)
    const second = await initMesh({ dataDir, name: 'x' })
    expect([second.peerId, second.meshId]).toEqual([first.peerId, first.meshId])
  })

  it('is empty, enrolled, or left, and says who runs on it', async () => {
    expect(await readDirectoryState(await emptyDirectory())).toEqual({ kind: 'empty' })
    const dataDir = await enrolled()
    expect(await readDirectoryState(dataDir)).toMatchObject({ kind: 'enrolled', meshName: 'a', name: 'a' })
    const running = { pid: process.pid, peerId: 'p', socketPath: '/s' }
    await writeFile(dataDirectory(dataDir).running, JSON.stringify(running))
    expect(await readDirectoryState(dataDir)).toMatchObject({ running })
    // Nobody has that pid: the mark of a life that was killed.
    await writeFile(dataDirectory(dataDir).running, JSON.stringify({ ...running, pid: 2 ** 22 + 1 }))
    expect(await readDirectoryState(dataDir)).not.toHaveProperty('running')
    const enrolment = await requireEnrolment(dataDir)
    await writeEnrolment(dataDir, { ...enrolment, left: true })
    expect(await readDirectoryState(dataDir)).toMatchObject({ kind: 'left', how: 'has left' })
    await expect(requireEnrolment(dataDir)).rejects.toThrow(NotEnrolledError)
  })

  it.each(['null', '7', '"x"', '{', '[]', ''])('with %s for its files is looked at without harm', async (text) => {
    const dataDir = await enrolled()
    await writeFile(dataDirectory(dataDir).enrolment, text)
    await writeFile(dataDirectory(dataDir).running, text)
    expect((await readDirectoryState(dataDir)).kind).toBe('enrolled')
    await expect(readEnrolment(dataDir)).rejects.toThrow(EnrolmentUnreadableError)
  })

  it.each([
    ['cut short', (text: string) => text.slice(0, text.length / 2)],
    ['of another mesh', (text: string) => text.replace(/"meshId": "./, '"meshId": "x')],
    ['with a chain that was changed', (text: string) => text.replace(/"chain": "..../, '"chain": "AAAA')],
    ['of a later format', (text: string) => text.replace('"format": 1', '"format": 2')],
  ])('whose enrolment is %s is refused, and never made anew over it', async (_what, damage) => {
    const dataDir = await enrolled()
    const file = dataDirectory(dataDir).enrolment
    await writeFile(file, damage(await readFile(file, 'utf8')))
    await expect(requireEnrolment(dataDir)).rejects.toThrow(EnrolmentUnreadableError)
    await expect(initMesh({ dataDir, name: 'b' })).rejects.toThrow(EnrolmentUnreadableError)
  })

  it('of one mesh is not taken for another', async () => {
    const dataDir = await enrolled()
    await expect(initMesh({ dataDir, name: 'b' })).rejects.toThrow(AlreadyEnrolledError)
    const other = await foundMesh('other')
    const token = await tokenOf(other)
    await expect(joinMesh({ dataDir, token, name: 'a' })).rejects.toThrow(AlreadyEnrolledError)
    expect(other.log.state?.invitations.entries().map(([, { used }]) => used)).toEqual([0])
  })

  it('that joined already answers a second join with what it is', async () => {
    const mesh = await foundMesh('mesh')
    const token = await tokenOf(mesh)
    const dataDir = await emptyDirectory()
    const first = await joinMesh({ dataDir, token, name: 'b' })
    expect(await joinMesh({ dataDir, token, name: 'b' })).toEqual({ ...first, joinedNow: false })
  })
})
