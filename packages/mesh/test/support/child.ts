import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A mesh in a process of its own, for deaths that only a process can die. */
export interface ChildMesh {
  readonly peerId: string
  readonly addresses: readonly string[]
  dial(addresses: readonly string[]): Promise<void>
  /** SIGSTOP: the process stands still, its sockets stay. */
  stand(): void
  kill(): void
}

const program = fileURLToPath(new URL('../fixtures/child-mesh.ts', import.meta.url))

export async function childMesh(privateKey: Uint8Array, name: string): Promise<ChildMesh> {
  const child = spawn(process.execPath, [program, Buffer.from(privateKey).toString('base64'), name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const lines = createInterface(child.stdout)
  const line = async (): Promise<string> => ((await once(lines, 'line')) as [string])[0]
  const { peerId, addresses } = JSON.parse(await line()) as { peerId: string; addresses: string[] }
  return {
    peerId,
    addresses,
    async dial(targets) {
      child.stdin.write(`${JSON.stringify(targets)}\n`)
      const outcome = await line()
      if (outcome !== 'up') throw new Error(outcome)
    },
    stand: () => void child.kill('SIGSTOP'),
    kill: () => void child.kill('SIGKILL'),
  }
}
