import { rmSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { command, eventually, LocalNode, meshOf, nth, statusOf, vsmcp } from './lib/world.ts'

const USES = 3
const JOINERS = 2 * USES
const KILLS = 3

interface Joined {
  peerId: string
}

/** Asks again and again, as a person would, until the group has said yes or no. */
async function joinOrBeRefused(dataDir: string, token: string): Promise<Joined | 'refused'> {
  return eventually(
    `a verdict on ${dataDir}`,
    async () => {
      const { code, stdout, stderr } = await command(dataDir, 'join', token, '--json')
      if (code === 0) return JSON.parse(stdout) as Joined
      return stderr.includes('as often as it may be') ? 'refused' : undefined
    },
    150_000,
  )
}

describe('an invitation of several uses', () => {
  it(`lets in exactly ${USES} of ${JOINERS} that ask at once while leaders die by kill -9, and gives each the same answer again`, async () => {
    const { nodes, dir } = await meshOf('a', 'b', 'c')
    const { token } = (await nth(nodes, 0).vsmcp('invite', '--uses', String(USES))) as { token: string }
    const asked = Array.from({ length: JOINERS }, (_, at) => `${dir}/j${at}`)
    const verdicts = Promise.all(asked.map((dataDir) => joinOrBeRefused(dataDir, token)))
    let killed = 0
    const storm = async (): Promise<void> => {
      while (killed < KILLS) {
        const { leader } = (await statusOf(nth(nodes, killed % 3)).catch(() => ({ system5: { leader: null } }))).system5
        const at = nodes.findIndex(({ ready }) => ready.peerId === leader)
        if (at < 0) {
          await new Promise((resolve) => setImmediate(resolve))
          continue
        }
        const victim = nth(nodes, at)
        await victim.end('SIGKILL')
        nodes[at] = await LocalNode.start(victim.dataDir, victim.ready.name, victim.sameAddresses)
        killed++
      }
    }
    await storm()
    const outcomes = await verdicts
    const letIn = outcomes.filter((outcome) => outcome !== 'refused')
    expect(letIn).toHaveLength(USES)
    expect(new Set(letIn.map(({ peerId }) => peerId)).size).toBe(USES)

    const founders = nodes.map(({ ready }) => ready.peerId)
    const expected = [...founders, ...letIn.map(({ peerId }) => peerId)].toSorted()
    const membersAt = async (at: number): Promise<string[]> =>
      ((await nth(nodes, at).vsmcp('members')) as Joined[]).map(({ peerId }) => peerId).toSorted()
    // One that was killed last has yet to hear what was decided.
    await expect.poll(() => membersAt(0)).toEqual(expected)
    const all = (await nth(nodes, 1).vsmcp('invite', 'ls')) as { uses: number; used: number }[]
    expect(all.find(({ uses }) => uses === USES)?.used).toBe(USES)

    // The answer was lost, and the invitation is used up: the same identity is told the same.
    const at = outcomes.findIndex((outcome) => outcome !== 'refused')
    const dataDir = nth(asked, at)
    rmSync(`${dataDir}/enrolment.json`)
    expect(await vsmcp(dataDir, 'join', token)).toMatchObject({ peerId: (nth(outcomes, at) as Joined).peerId })
    await expect.poll(() => membersAt(2)).toEqual(expected)
  }, 240_000)
})
