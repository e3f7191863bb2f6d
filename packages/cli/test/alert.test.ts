import { FakeError } from '@vsmcp/api/testing'
import { describe, expect, it } from 'vitest'
import { fakeNode, vsmcp } from './helpers.ts'

describe('vsmcp alert', () => {
  it('lists what is open, without a word, too; with --all what is over', async () => {
    const { control, dataDir } = await fakeNode()
    const listed = await vsmcp(['alert', '--json'], { dataDir })
    expect(listed.json()).toEqual(await control.alerts({ all: false }))
    expect((await vsmcp(['alert', 'ls', '--json'], { dataDir })).stdout).toBe(listed.stdout)
    const { stdout } = await vsmcp(['alert', 'ls', '--all'], { dataDir })
    expect(stdout).toMatch(/^ID +SEVERITY +LEVEL/)
    expect(stdout).toMatch(/a1b2c3d4e5f6 +critical +group +open +\d+ d ago +3 .* alpha +files/)
    expect(stdout).toMatch(/old +critical +group +over by alpha: new disk/)
    // oxlint-disable-next-line no-control-regex -- the fake alert's subject holds an escape sequence
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })

  it('watches: a line for each event, until there are no more', async () => {
    const { dataDir } = await fakeNode()
    const { stdout } = await vsmcp(['alert', 'watch', '--json'], { dataDir })
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['open', 'over'])
    expect((await vsmcp(['alert', 'watch'], { dataDir })).stdout).toMatch(/critical open +a1b2c3d4e5f6 alpha\/files: unit files/)
  })

  it('raises, and says when no System 5 has it yet', async () => {
    const { control, dataDir } = await fakeNode()
    const raised = await vsmcp(['alert', 'raise', 'sums are wrong', '--severity', 'critical', '--unit', 'files'], { dataDir })
    expect(raised).toMatchObject({ code: 0, stdout: 'raised a1b2c3d4e5f6\n', stderr: '' })
    expect(control.calls.at(-1)).toEqual([
      'raiseAlert',
      { feeling: 'pain', severity: 'critical', subject: 'sums are wrong', text: '', unit: 'files' },
    ])
    const kept = await vsmcp(['alert', 'raise', 'x', '--severity', 'low', '--pleasure'], { dataDir })
    expect(kept.stderr).toContain('this node keeps it')
    expect(control.calls.at(-1)).toMatchObject(['raiseAlert', { feeling: 'pleasure' }])
  })

  it('acknowledges and resolves; what cannot be is said with its exit code', async () => {
    const { control, dataDir } = await fakeNode()
    expect((await vsmcp(['alert', 'ack', 'a1', '--json'], { dataDir })).json()).toEqual({ acknowledged: 'a1' })
    expect((await vsmcp(['alert', 'resolve', 'a1', '--reason', 'new disk'], { dataDir })).stdout).toBe('resolved a1\n')
    expect(control.calls.slice(-2)).toEqual([
      ['acknowledgeAlert', { id: 'a1', reason: '' }],
      ['resolveAlert', { id: 'a1', reason: 'new disk' }],
    ])
    control.failures.set('resolveAlert', new FakeError('VSMCP_NODE_ALERT_UNKNOWN', 'there is no alert a1'))
    expect((await vsmcp(['alert', 'resolve', 'a1', '--reason', 'x'], { dataDir })).code).toBe(2)
    control.failures.set('raiseAlert', new FakeError('VSMCP_NODE_ALERT_REFUSED', 'too many'))
    expect((await vsmcp(['alert', 'raise', 'x'], { dataDir })).code).toBe(4)
    expect((await vsmcp(['alert', 'resolve', 'a1'], { dataDir })).code).toBe(2)
    expect((await vsmcp(['alert', 'raise', 'x', '--severity', 'fatal'], { dataDir })).code).toBe(2)
  })
})
