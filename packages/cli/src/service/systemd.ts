import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { ServiceError } from '../errors.ts'

const run = promisify(execFile)

/** Whether systemd runs this machine: sd_booted(3). */
export function isSystemdRunning(): boolean {
  return existsSync('/run/systemd/system')
}

/** Throws `ServiceError` with what systemctl said. */
export async function systemctl(user: boolean, ...args: string[]): Promise<void> {
  const line = [...(user ? ['--user'] : []), ...args]
  try {
    await run('systemctl', line, { encoding: 'utf8' })
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string }
    throw new ServiceError(`systemctl ${line.join(' ')} failed: ${stderr.trim() === '' ? message : stderr.trim()}`, {
      hint: user ? 'Is there a session of systemd for this user? See "systemctl --user status".' : 'See "systemctl status".',
      cause,
    })
  }
}
