import { copyFile, chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { fakeNode, tempDir, vsmcp } from './helpers.ts'

const MESH = 'e0f318cc33b01b302bccfaea5b43a452'
/** A charter of a mesh whose chain has 22 links, and the key of that mesh, which no other mesh has. */
const recorded = (name: string): string => fileURLToPath(new URL(`worn-mesh/${name}`, import.meta.url))

/** A directory with the charter and the key, and a fake node with that charter. */
async function worn() {
  const cwd = await tempDir()
  await copyFile(recorded('charter.json'), join(cwd, 'charter.json'))
  await copyFile(recorded('mesh.key'), join(cwd, 'mesh.key'))
  await chmod(join(cwd, 'mesh.key'), 0o600)
  const { control, dataDir } = await fakeNode()
  control.charterFile = await readFile(recorded('charter.json'), 'utf8')
  const asked = (method: string): unknown => control.calls.findLast(([name]) => name === method)?.[1]
  const handedIn = (): unknown => (asked('anchorChain') as { anchor?: string } | undefined)?.anchor
  return { cwd, control, dataDir, asked, handedIn }
}

describe('vsmcp key anchor', () => {
  it('signs for the charter of the running node, hands that in, and says what it stands for', async () => {
    const { cwd, dataDir, handedIn } = await worn()
    const { code, stdout } = await vsmcp(['key', 'anchor', '--mesh-key', 'mesh.key'], { cwd, dataDir })
    expect(code).toBe(0)
    expect(stdout).toContain('the chain of voters has 17 links now')
    expect(stdout).toMatch(/links +22 before/)
    expect(stdout).toContain(MESH)
    expect(handedIn()).toMatch(/^[\w-]{400,}$/)
    const json = (await vsmcp(['key', 'anchor', '--mesh-key', 'mesh.key', '--json'], { cwd, dataDir })).json()
    expect(json).toMatchObject({ changed: true, links: 17, group: { id: 'root', path: '/' }, epoch: 1 })
    expect(json).not.toHaveProperty('anchor')
  })

  it('signs offline into a file, without a node, and hands that in on a member: the same anchor', async () => {
    const { cwd, dataDir, handedIn } = await worn()
    const offline = ['key', 'anchor', '--charter', 'charter.json', '--out', 'anchor.json', '--mesh-key', 'mesh.key']
    const signed = await vsmcp(offline, { cwd, dataDir: await tempDir() })
    expect(signed.stdout).toContain('vsmcp key anchor --signed anchor.json')
    expect(JSON.parse(await readFile(join(cwd, 'anchor.json'), 'utf8'))).toMatchObject({ format: 'vsmcp anchor 1', links: 22 })
    const done = await vsmcp(['key', 'anchor', '--signed', 'anchor.json', '--json'], { cwd, dataDir })
    expect(done.json()).toEqual({ changed: true, links: 17 })
    const first = handedIn()
    await vsmcp(['key', 'anchor', '--mesh-key', 'mesh.key'], { cwd, dataDir })
    expect(handedIn()).toBe(first)
    // What was signed is not overwritten.
    expect((await vsmcp([...offline, '--json'], { cwd })).error().message).toContain('cannot be written')
  })

  it('does so for another group that the node has a seat in', async () => {
    const { cwd, dataDir, asked } = await worn()
    await vsmcp(['key', 'anchor', '--mesh-key', 'mesh.key', '--group', '/eu'], { cwd, dataDir })
    expect(asked('exportCharter')).toEqual({ group: '/eu' })
    expect(asked('anchorChain')).toMatchObject({ group: '/eu' })
  })

  it('says what is wrong, and hands nothing in', async () => {
    const { cwd, control, dataDir, handedIn } = await worn()
    await writeFile(join(cwd, 'torn.json'), '{"format":"vsmcp anchor 1",')
    await writeFile(join(cwd, 'short.json'), (await readFile(join(cwd, 'charter.json'), 'utf8')).slice(0, -200))
    const key = ['--mesh-key', 'mesh.key']
    for (const [argv, code] of [
      [['--signed', 'torn.json'], 'VSMCP_NODE_ANCHOR_FILE'],
      [['--signed', 'charter.json'], 'VSMCP_NODE_ANCHOR_FILE'],
      [['--signed', 'absent.json'], 'VSMCP_CLI_FILE'],
      [['--signed', 'anchor.json', ...key], 'VSMCP_CLI_USAGE'],
      [['--charter', 'charter.json', ...key], 'VSMCP_CLI_USAGE'],
      [['--out', 'anchor.json', ...key], 'VSMCP_CLI_USAGE'],
      [['--charter', 'short.json', '--out', 'a.json', ...key], 'VSMCP_NODE_CHARTER_FILE'],
      [['--mesh-key', 'absent.key'], 'VSMCP_SECURITY_KEY_MISSING'],
      [[], 'VSMCP_CLI_USAGE'],
      [['--charter', 'charter.json', '--out', 'a.json', '--group', '/eu', ...key], 'VSMCP_CLI_USAGE'],
    ] as const) {
      const outcome = await vsmcp(['key', 'anchor', ...argv, '--json'], { cwd, dataDir })
      expect([argv, outcome.error().code]).toEqual([argv, code])
      expect(outcome.code).not.toBe(0)
    }
    control.charterFile = '{"format":"vsmcp charter 1"}\n'
    expect((await vsmcp(['key', 'anchor', ...key, '--json'], { cwd, dataDir })).error().code).toBe('VSMCP_NODE_CHARTER_FILE')
    expect(handedIn()).toBeUndefined()
    await expect(stat(join(cwd, 'a.json'))).rejects.toThrow('ENOENT')
  })
})
