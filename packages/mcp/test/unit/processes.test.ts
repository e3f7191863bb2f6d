import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { fastClock } from './support/fast-clock.ts'
import { isRunning, until, untilGone } from './support/processes.ts'
import { fixturePath, startedGuard, temporaryDirectory, undoLater } from './support/unit-fixture.ts'

interface Parent {
  process: ChildProcess
  directory: string
  /** Of the server and of the process it started. */
  pids: number[]
  guardian: number
  /** The next line that begins so. */
  next(word: string): Promise<number>
}

function readPids(file: string): number[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : []
}

async function startParent(manner = 'family', then = ''): Promise<Parent> {
  const directory = temporaryDirectory()
  const pidFile = join(directory, 'pids')
  const child = spawn(process.execPath, [fixturePath('guarded-parent'), directory, pidFile, manner, then], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  undoLater(async () => untilGone(readPids(pidFile)))
  undoLater(() => void (child.exitCode ?? child.signalCode ?? child.kill('SIGKILL')))
  const lines: string[] = []
  let onLine = (): void => {}
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    onLine()
  })
  const next = async (word: string): Promise<number> => {
    for (;;) {
      const at = lines.findIndex((line) => line.startsWith(`${word} `))
      if (at >= 0) return Number(lines.splice(at, 1)[0]?.split(' ')[1])
      const { promise, resolve } = Promise.withResolvers<void>()
      onLine = resolve
      await promise
    }
  }
  const parent: Parent = { process: child, directory, pids: [], guardian: 0, next }
  if (then !== '') return parent
  parent.guardian = await next('guardian')
  await until(() => readPids(pidFile).length === 2)
  parent.pids = readPids(pidFile)
  return parent
}

describe('when the node ends, no process of a server is left, however it ends', () => {
  it('SIGKILL, with a server and a grandchild that ignore SIGTERM', async () => {
    const parent = await startParent('stubborn-family')
    process.kill(parent.process.pid ?? 0, 'SIGKILL')
    await untilGone([...parent.pids, parent.guardian])
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)('%s', async (signal) => {
    const parent = await startParent()
    expect(parent.pids.filter((pid) => isRunning(pid))).toHaveLength(2)
    process.kill(parent.process.pid ?? 0, signal)
    await untilGone(parent.pids)
  })

  it('Ctrl-C in a terminal, which reaches the whole process group of the node', async () => {
    const parent = await startParent()
    process.kill(-(parent.process.pid ?? 0), 'SIGINT')
    await untilGone(parent.pids)
  })

  it('process.exit, without stopping anything', async () => {
    const parent = await startParent()
    parent.process.stdin?.write('exit\n')
    await untilGone(parent.pids)
  })

  it('SIGKILL in the very moment a server is started', async () => {
    const parent = await startParent('family', 'die-at-once')
    await untilGone([await parent.next('server')])
    await untilGone(readPids(join(parent.directory, 'pids')))
  })

  it('SIGKILL after the guardian was killed and another took its place', async () => {
    const parent = await startParent()
    process.kill(parent.guardian, 'SIGKILL')
    const second = await parent.next('guardian')
    expect(second).not.toBe(parent.guardian)
    expect(parent.pids.filter((pid) => isRunning(pid))).toHaveLength(2)
    process.kill(parent.process.pid ?? 0, 'SIGKILL')
    await untilGone(parent.pids)
  })
})

describe('what outlived an earlier life of the node', () => {
  it('is ended at the start of the next', async () => {
    const parent = await startParent()
    const pid = parent.process.pid ?? 0
    // A stopped node cannot start another guardian before it is killed, too.
    process.kill(pid, 'SIGSTOP')
    process.kill(parent.guardian, 'SIGKILL')
    await untilGone([parent.guardian])
    process.kill(pid, 'SIGKILL')
    await once(parent.process, 'exit')
    expect(parent.pids.filter((survivor) => isRunning(survivor))).toHaveLength(2)
    await startedGuard(parent.directory)
    expect(parent.pids.filter((survivor) => isRunning(survivor))).toEqual([])
    expect(existsSync(join(parent.directory, 'processes.json'))).toBe(false)
  })

  it('is not mistaken for a process that got the same pid later', async () => {
    const parent = await startParent()
    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
    undoLater(() => void stranger.kill('SIGKILL'))
    const record = JSON.parse(readFileSync(join(parent.directory, 'processes.json'), 'utf8')) as { processes: { pid: number }[] }
    expect(record.processes).toHaveLength(1)
    expect(parent.pids).toContain(record.processes[0]?.pid)
    for (const entry of record.processes) entry.pid = stranger.pid ?? 0
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'processes.json'), JSON.stringify(record))
    await startedGuard(directory)
    expect(isRunning(stranger.pid ?? 0)).toBe(true)
  })

  it.each(['', 'no json', '{"version":99,"processes":[{"pid":1}]}', '{"version":1,"processes":[{"pid":"x"},null]}'])(
    'is not looked for in a record that cannot be read: %j',
    async (text) => {
      const directory = temporaryDirectory()
      writeFileSync(join(directory, 'processes.json'), text)
      await startedGuard(directory)
      expect(existsSync(join(directory, 'processes.json'))).toBe(false)
    },
  )
})

describe('a guard', () => {
  it('starts no guardian before the first server, and one for all of them', async () => {
    const guard = await startedGuard(temporaryDirectory(), fastClock(20))
    expect(guard.guardianPid).toBeUndefined()
    const options = {
      name: 'sleeper',
      file: '/bin/sh',
      args: ['-c', 'sleep 60 & wait'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
    }
    const first = guard.launch(options)
    const guardian = guard.guardianPid
    const second = guard.launch(options)
    expect(guard.guardianPid).toBe(guardian)
    await Promise.all([first.end(), second.end()])
    expect(isRunning(first.pid) || isRunning(second.pid)).toBe(false)
    await guard.stop()
    expect(isRunning(guardian ?? 0)).toBe(false)
  })

  it('ends what a server leaves behind when it exits by itself', async () => {
    const guard = await startedGuard()
    const options = {
      name: 'forker',
      file: '/bin/sh',
      args: ['-c', 'sleep 60 & echo $!'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
    }
    const server = guard.launch(options)
    const [chunk] = (await once(server.stdout, 'data')) as [Buffer]
    const left = Number(chunk.toString())
    expect(await server.exited).toEqual({ code: 0, signal: null })
    await server.end()
    expect(isRunning(left)).toBe(false)
  })

  it('starts servers though its record cannot be written, as on a full disk', async () => {
    const directory = temporaryDirectory()
    const guard = await startedGuard(directory)
    rmSync(directory, { recursive: true })
    const server = guard.launch({ name: 'cat', file: '/bin/cat', args: [], env: {}, cwd: '/' })
    server.stdin.end('hello')
    const [chunk] = (await once(server.stdout, 'data')) as [Buffer]
    expect(chunk.toString()).toBe('hello')
    await server.end()
  })

  it('gives a server neither its own pipe nor what native code in the node has open', async () => {
    // Such descriptors have no close-on-exec. Node marks those it inherits up to the first gap, so these come after one.
    const directory = temporaryDirectory()
    const parent = spawn(
      '/bin/bash',
      [
        '-c',
        `exec 223>${directory}/database 240>${directory}/other; exec "$0" "$@"`,
        process.execPath,
        fixturePath('guarded-parent'),
        directory,
        join(directory, 'pids'),
        'family',
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    undoLater(async () => {
      parent.kill('SIGKILL')
      await untilGone(readPids(join(directory, 'pids')))
    })
    await until(() => readPids(join(directory, 'pids')).length === 2)
    const openFiles = (pid: number): string[] => readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
    expect(openFiles(parent.pid ?? 0)).toContain(`${directory}/database`)
    const [server = 0] = readPids(join(directory, 'pids'))
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
    for (const pid of [server, Number(line.split(' ')[1])]) {
      expect(openFiles(pid).filter((file) => file.startsWith(directory) && !file.endsWith('pids'))).toEqual([])
    }
  })

  it('passes arguments as they are, with no shell in between', async () => {
    const guard = await startedGuard()
    const script = 'for argument; do printf "<%s>" "$argument"; done; ls /proc/self/fd | tr "\\n" " "'
    const args = ['-c', script, 'sh', 'a b', '$(id)', '*', "it's", '', '--', '>x']
    const server = guard.launch({ name: 'printer', file: '/bin/sh', args, env: { PATH: '/usr/bin:/bin' }, cwd: '/' })
    let text = ''
    server.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await once(server.stdout, 'end')
    expect(text.startsWith("<a b><$(id)><*><it's><><--><>x>")).toBe(true)
    // 3 is the directory that `ls` has open.
    expect(text.slice(text.lastIndexOf('>') + 1).trim()).toBe('0 1 2 3')
  })
})
