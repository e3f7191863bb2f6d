import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { unitFile } from '../src/service/unit-file.ts'
import { tempDir, vsmcp } from './helpers.ts'

const SYSTEMD_ANALYZE = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((path) => existsSync(path))

const init = {
  command: [process.execPath, '--', '/usr/bin/vsmcp', 'up', '--data-dir', '/var/lib/vsmcp'],
  dataDir: '/var/lib/vsmcp',
  path: '/usr/bin:/bin',
  user: false,
  uid: 0,
  gid: 0,
}

describe('the unit of a service', () => {
  it('keeps the system read-only, and in a directory of /var/lib all but that', () => {
    const text = unitFile(init)
    expect(text).toContain('ProtectSystem=strict\nStateDirectory=vsmcp\n')
    for (const line of ['NoNewPrivileges=yes', 'KillMode=mixed', 'Restart=on-failure', 'CapabilityBoundingSet=']) {
      expect(text.split('\n')).toContain(line)
    }
    const elsewhere = unitFile({ ...init, dataDir: '/srv/a b' })
    expect(elsewhere).toContain('ProtectSystem=full\nReadWritePaths="/srv/a b"\n')
  })

  it('takes every path for what it is: no specifier, variable or quote in it means anything', () => {
    const command = ['/opt/no de', '--', '/opt/100%/$HOME/"x"\\y', 'up']
    expect(unitFile({ ...init, command })).toContain(String.raw`ExecStart="/opt/no de" "--" "/opt/100%%/$$HOME/\"x\"\\y" "up"`)
  })

  it.skipIf(SYSTEMD_ANALYZE === undefined)('is what systemd itself finds no fault with', async () => {
    const dir = await tempDir()
    for (const user of [false, true]) {
      const file = join(dir, `${user ? 'user' : 'system'}.service`)
      await writeFile(file, unitFile({ ...init, user, command: [process.execPath, '--', '/opt/100%/$x/"y" z', 'up'] }))
      const args = ['verify', '--man=no', '--recursive-errors=no', file]
      const { stderr } = await promisify(execFile)(SYSTEMD_ANALYZE ?? '', args)
      expect(stderr.split('\n').filter((line) => line.includes(file))).toEqual([])
    }
  })
})

describe('vsmcp service', () => {
  it('writes a unit for the user, says what to do next, and removes it again', async () => {
    const [dataDir, config] = [await tempDir(), await tempDir()]
    const env = { XDG_CONFIG_HOME: config, PATH: '/usr/bin' }
    const file = join(config, 'systemd/user/vsmcp.service')
    const installed = await vsmcp(['service', 'install', '--user', '--json'], { dataDir, env })
    // Where systemd runs, tests leave the user's own alone.
    if (existsSync('/run/systemd/system')) return
    expect(installed.json()).toMatchObject({
      unit: 'vsmcp',
      file,
      enabled: false,
      next: expect.arrayContaining(['systemctl --user start vsmcp']),
    })
    expect(await readFile(file, 'utf8')).toContain(`"--data-dir" "${dataDir}"`)
    expect((await vsmcp(['service', 'install', '--user'], { dataDir, env })).code).toBe(0)
    expect((await vsmcp(['service', 'uninstall', '--user', '--json'], { dataDir, env })).json()).toMatchObject({ removed: true })
    expect([existsSync(file), existsSync(dataDir)]).toEqual([false, true])
    expect((await vsmcp(['service', 'uninstall', '--user', '--json'], { dataDir, env })).json()).toMatchObject({ removed: false })
  })

  it('shows the unit and writes nothing with --print', async () => {
    const [dataDir, config] = [await tempDir(), await tempDir()]
    const shown = await vsmcp(['service', 'install', '--user', '--print'], { dataDir, env: { XDG_CONFIG_HOME: config } })
    expect(shown.stdout).toContain('[Service]\nType=exec\nExecStart=')
    expect(existsSync(join(config, 'systemd'))).toBe(false)
  })

  it('leaves a unit alone that somebody else wrote, and a directory that is not there', async () => {
    const [dataDir, config] = [await tempDir(), await tempDir()]
    const env = { XDG_CONFIG_HOME: config }
    await mkdir(join(config, 'systemd/user'), { recursive: true })
    const file = join(config, 'systemd/user/own.service')
    await writeFile(file, '[Service]\nExecStart=/bin/true\n')
    for (const word of ['install', 'uninstall']) {
      const { code, error } = await vsmcp(['service', word, '--user', '--unit', 'own', '--json'], { dataDir, env })
      expect([code, error().code]).toEqual([1, 'VSMCP_CLI_SERVICE'])
    }
    expect(await readFile(file, 'utf8')).toContain('/bin/true')
    const nowhere = await vsmcp(['service', 'install', '--print', '--json'], { dataDir: join(dataDir, 'nowhere') })
    expect(nowhere.error().code).toBe('VSMCP_CLI_NO_MESH')
    expect((await vsmcp(['service', 'install', '--unit', '../x', '--json'], { dataDir })).code).toBe(2)
  })
})
