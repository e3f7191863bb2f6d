import { describe, expect, it } from 'vitest'

import { command, eventually, failure, folder, meshOf, nth, vsmcp } from './lib/world.ts'

interface Created {
  id: string
  token: string
}

describe('joining by invitation', () => {
  it('refuses a token that is cut short, mistyped, used up, revoked or expired, and says which', async () => {
    const { nodes, dir } = await meshOf('a')
    const a = nth(nodes, 0)
    const { token } = (await a.vsmcp('invite')) as Created

    const cut = await failure(`${dir}/x`, 'join', token.slice(0, -20))
    expect(cut).toMatchObject({ exit: 2, error: { message: expect.stringMatching(/cut|short|incomplete/i) } })
    expect(JSON.stringify(cut)).not.toContain(token.slice(10, 60))
    const swapped = token[40] === 'A' ? 'B' : 'A'
    const mistyped = await failure(`${dir}/x`, 'join', token.slice(0, 40) + swapped + token.slice(41))
    expect(mistyped.error.message).toMatch(/mistyped|check|damaged/i)

    await vsmcp(`${dir}/b`, 'join', token)
    const usedUp = await failure(`${dir}/c`, 'join', token)
    expect(usedUp.error.message).toMatch(/used/i)

    const revoked = (await a.vsmcp('invite')) as Created
    await a.vsmcp('invite', 'revoke', revoked.id)
    expect((await failure(`${dir}/c`, 'join', revoked.token)).error.message).toMatch(/revoked/i)

    const expired = (await a.vsmcp('invite', '--ttl', '2s')) as Created
    await eventually('the invitation to expire', async () => {
      const all = (await a.vsmcp('invite', 'ls')) as { id: string; state: string }[]
      return all.find(({ id }) => id === expired.id)?.state === 'expired' ? true : undefined
    })
    expect((await failure(`${dir}/c`, 'join', expired.token)).error.message).toMatch(/expired/i)
  }, 60_000)

  it('gives the same answer when the same directory asks again, and lets in exactly as many as it says', async () => {
    const { nodes, dir } = await meshOf('a')
    const { token } = (await nth(nodes, 0).vsmcp('invite', '--uses', '2')) as Created
    const first = (await vsmcp(`${dir}/b`, 'join', token)) as { peerId: string }
    const again = (await vsmcp(`${dir}/b`, 'join', token)) as { peerId: string }
    expect(again.peerId).toBe(first.peerId)
    const others = await Promise.allSettled(['c', 'd', 'e'].map((name) => vsmcp(`${dir}/${name}`, 'join', token)))
    expect(others.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  }, 60_000)

  it('names each address it tried and why when nobody answers', async () => {
    const { nodes, dir } = await meshOf('a')
    const a = nth(nodes, 0)
    const { token } = (await a.vsmcp('invite')) as Created
    await a.end('SIGTERM')
    const { exit, error } = await failure(`${dir}/b`, 'join', token)
    expect(exit).toBe(1)
    const address = nth(a.ready.listen, 0).replace(/\/p2p\/.*$/, '')
    expect(`${error.message} ${error.hint ?? ''}`).toContain(address)
    expect(error.message).toMatch(/refused|ECONNREFUSED/i)
  }, 60_000)

  it('refuses a directory that belongs to another mesh', async () => {
    const { nodes } = await meshOf('a')
    const { token } = (await nth(nodes, 0).vsmcp('invite')) as Created
    const dir = folder()
    await vsmcp(dir, 'init', '--name', 'other')
    const { error } = await failure(dir, 'join', token)
    expect(error.code).toBe('VSMCP_NODE_ALREADY_ENROLLED')
  }, 60_000)

  it('tells a person in an empty directory what to do', async () => {
    const { code, stderr } = await command(folder(), 'up')
    expect(code).toBe(1)
    expect(stderr).toMatch(/vsmcp init/)
    expect(stderr).toMatch(/vsmcp join/)
  })
})
