import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isLoopback, parseHostPort, toMultiaddr } from '../src/config/address.ts'
import { type ConfigSources, type NodeConfig, resolveConfig } from '../src/config/config.ts'
import { tempDir } from './helpers.ts'

const defaults = { listen: ['/ip4/0.0.0.0/tcp/4950'], http: '127.0.0.1:4951' }

async function resolve(given: Partial<ConfigSources> & { yaml?: string }): Promise<NodeConfig> {
  const { yaml, ...sources } = given
  const dataDir = await tempDir()
  if (yaml !== undefined) await writeFile(join(dataDir, 'vsmcp.yaml'), yaml)
  return resolveConfig({ flags: {}, env: {}, cwd: '/', dataDir, defaults, ...sources })
}

describe('configuration', () => {
  it('has defaults, frozen', async () => {
    const config = await resolve({})
    expect(config).toEqual({
      listen: ['/ip4/0.0.0.0/tcp/4950'],
      advertise: [],
      bootstrap: [],
      mdns: 'off',
      http: { host: '127.0.0.1', port: 4951 },
      profile: 'mesh',
      logLevel: 'info',
    })
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('looks on the local network in the profile edge, unless told otherwise', async () => {
    expect(await resolve({ yaml: 'profile: edge' })).toMatchObject({ mdns: 'on' })
    expect(await resolve({ yaml: 'profile: edge\nmdns: off' })).toMatchObject({ mdns: 'off' })
    expect(await resolve({ env: { VSMCP_MDNS: 'on' } })).toMatchObject({ profile: 'mesh', mdns: 'on' })
    await expect(resolve({ flags: { mdns: 'perhaps' } })).rejects.toThrow('--mdns: on or off is needed')
  })

  it('takes bootstrap addresses of TCP and of WebSockets, and a pnet key by its path', async () => {
    const env = { VSMCP_BOOTSTRAP: 'plant.example:4950,/dns4/plant.example/tcp/443/wss' }
    const bootstrap = ['/dns/plant.example/tcp/4950', '/dns4/plant.example/tcp/443/wss']
    expect(await resolve({ env })).toMatchObject({ bootstrap })
    expect((await resolve({ yaml: 'pnetKey: pnet.key' })).pnetKey).toMatch(/^\/.+\/pnet\.key$/)
  })

  it('takes flags over variables over the file over the profile over defaults', async () => {
    const yaml = 'name: file\nprofile: edge\n'
    expect(await resolve({ yaml })).toMatchObject({ name: 'file', profile: 'edge', logLevel: 'warn' })
    expect(await resolve({ yaml: `${yaml}logLevel: debug\n` })).toMatchObject({ logLevel: 'debug' })
    const env = { VSMCP_NAME: 'env', VSMCP_LOG_LEVEL: 'error', VSMCP_LISTEN: '/ip4/1.2.3.4/tcp/1, [::1]:2' }
    expect(await resolve({ yaml, env })).toMatchObject({
      name: 'env',
      logLevel: 'error',
      listen: ['/ip4/1.2.3.4/tcp/1', '/ip6/::1/tcp/2'],
    })
    const flags = { name: 'flag', profile: 'mesh', listen: ['plant.example:5'] }
    expect(await resolve({ yaml, env, flags })).toMatchObject({
      name: 'flag',
      profile: 'mesh',
      logLevel: 'error',
      listen: ['/dns/plant.example/tcp/5'],
    })
  })

  it('treats an empty variable as none, and an empty file as nothing said', async () => {
    expect(await resolve({ yaml: '# nothing yet\n', env: { VSMCP_HTTP: '' } })).toMatchObject({ http: { port: 4951 } })
  })

  it.each([
    ['name: a\nlistn: []\n', 'vsmcp.yaml:2: unknown key "listn"'],
    ['name: a\n\nprofile: egde\n', 'vsmcp.yaml:3: profile: mesh or edge is needed'],
    ['listen:\n  - /ip4/0.0.0.0/tcp/1\n  - nonsense\n', 'vsmcp.yaml:3: listen.1: "nonsense" is neither a multiaddr'],
    ['listen: /ip4/0.0.0.0/tcp/1\n', 'vsmcp.yaml:1: listen: a list of addresses is needed'],
    ['http: 127.0.0.1\n', 'vsmcp.yaml:1: http: "127.0.0.1" is not HOST:PORT'],
    ['- a\n', 'vsmcp.yaml:1: keys and values are needed'],
    ['name: [\n', 'vsmcp.yaml:2: '],
    ['logLevel: loud\nname: ""\nx: 1\n', 'vsmcp.yaml:3: unknown key "x"'],
  ])('names the line of what is wrong in %j, and what is allowed', async (yaml, message) => {
    const error = (await resolve({ yaml }).catch((caught: unknown) => caught)) as Error & { hint?: string; code: string }
    expect(error.message).toContain(message)
    expect(error.code).toBe('VSMCP_CLI_CONFIG')
    if (!yaml.includes('[\n')) expect(error.hint).toMatch(/profile \(mesh or edge\)/)
  })

  it('checks the file though flags say otherwise, and names every fault in it', async () => {
    const yaml = 'profile: egde\nlogLevel: loud\n'
    await expect(resolve({ yaml, flags: { profile: 'mesh', logLevel: 'info' } })).rejects.toThrow(
      /yaml:1: profile.*\n.*yaml:2: logLevel/,
    )
  })

  it('names the variable or the option of a wrong value', async () => {
    await expect(resolve({ env: { VSMCP_PROFILE: 'x' } })).rejects.toMatchObject({
      message: 'VSMCP_PROFILE: mesh or edge is needed',
    })
    await expect(resolve({ flags: { http: 'x' } })).rejects.toMatchObject({
      message: '--http: "x" is not HOST:PORT, such as 127.0.0.1:4951',
    })
  })

  it('reads another file when told to, which then has to be there', async () => {
    const cwd = await tempDir()
    await writeFile(join(cwd, 'other.yaml'), 'name: other\nhttpTokenFile: token\n')
    const config = await resolve({ cwd, configFile: 'other.yaml', yaml: 'name: ignored\n' })
    expect(config).toMatchObject({ name: 'other', httpTokenFile: join(cwd, 'token') })
    expect(await resolve({ cwd: '/', env: { VSMCP_CONFIG: join(cwd, 'other.yaml') } })).toMatchObject({ name: 'other' })
    await expect(resolve({ cwd, configFile: 'none.yaml' })).rejects.toThrow(/none.yaml cannot be read/)
  })

  it('does not open the MCP endpoint to others without a token', async () => {
    await expect(resolve({ flags: { http: '0.0.0.0:4951' } })).rejects.toMatchObject({
      hint: expect.stringContaining('--http-token-file'),
    })
    const flags = { http: '[::]:4951', httpTokenFile: 'token' }
    expect(await resolve({ flags, cwd: '/x' })).toMatchObject({ http: { host: '::', port: 4951 }, httpTokenFile: '/x/token' })
  })
})

describe('addresses', () => {
  it.each([
    ['/ip4/0.0.0.0/tcp/4950', '/ip4/0.0.0.0/tcp/4950'],
    ['/ip6/::/tcp/0', '/ip6/::/tcp/0'],
    ['/dns/a.example/tcp/1/p2p/12D3KooW', '/dns/a.example/tcp/1/p2p/12D3KooW'],
    ['10.0.0.7:4950', '/ip4/10.0.0.7/tcp/4950'],
    ['[fd00::7]:4950', '/ip6/fd00::7/tcp/4950'],
    ['plant.example:4950', '/dns/plant.example/tcp/4950'],
    ['/ip4/0.0.0.0/udp/1', undefined],
    ['/ip4/0.0.0.0/tcp/70000', undefined],
    ['fd00::7:4950', undefined],
    ['plant.example', undefined],
    ['[1.2.3.4]:1', undefined],
    ['a:b:1', undefined],
  ])('%s → %s', (text, multiaddr) => {
    expect(toMultiaddr(text)).toBe(multiaddr)
  })

  it('tell loopback from the rest', () => {
    const loopback = ['127.0.0.1', '127.9.9.9', '::1', 'localhost']
    const open = ['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com', '128.0.0.1']
    expect([...loopback, ...open].filter(isLoopback)).toEqual(loopback)
    expect(parseHostPort('[::1]:0')).toEqual({ host: '::1', port: 0 })
  })
})
