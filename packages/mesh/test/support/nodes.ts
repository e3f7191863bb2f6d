import { type Logger, seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { onTestFinished } from 'vitest'
import { createMesh, type Mesh, type MeshComponents, type MeshEvents, type MeshInit } from '../../src/index.ts'
import { type Info, passwordHello } from './password-hello.ts'
import { newKey } from './raw.ts'

export { type Info, passwordHello }

export interface NodeOptions extends MeshInit {
  name?: string
  privateKey?: Uint8Array
  components?: Partial<MeshComponents<Info>>
}

let seed = 1

/** A started mesh on a free loopback port, stopped when the test ends. */
export async function startMesh(options: NodeOptions = {}): Promise<Mesh<Info>> {
  const { name = 'node', privateKey = await newKey(), components, ...init } = options
  const mesh: Mesh<Info> = createMesh({ listen: ['/ip4/127.0.0.1/tcp/0'], ...init })<Info>({
    privateKey,
    hello: passwordHello(name, undefined, () => mesh.listenAddresses()),
    clock: systemClock,
    random: seededRandom(seed++),
    logger: silentLogger,
    ...components,
  })
  await mesh.start()
  onTestFinished(() => mesh.stop())
  return mesh
}

/** The next event that fits. */
export function next<K extends keyof MeshEvents<Info> & string>(
  mesh: Mesh<Info>,
  event: K,
  fits: (payload: MeshEvents<Info>[K]) => boolean = () => true,
): Promise<MeshEvents<Info>[K]> {
  const { promise, resolve } = Promise.withResolvers<MeshEvents<Info>[K]>()
  const end = mesh.on(event, (payload) => {
    if (!fits(payload)) return
    end()
    resolve(payload)
  })
  return promise
}

/** Two nodes that see each other. */
export async function pair(left: NodeOptions = {}, right: NodeOptions = {}): Promise<[Mesh<Info>, Mesh<Info>]> {
  const a = await startMesh({ name: 'a', ...left })
  const b = await startMesh({ name: 'b', ...right })
  const up = next(b, 'peer:up')
  await a.dial(b.listenAddresses(), { expect: b.peerId })
  await up
  return [a, b]
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (payload: Uint8Array): string => new TextDecoder().decode(payload)

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly msg: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A logger whose lines a test can look at. */
export function recordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at =
    (level: LogLine['level']) =>
    (fields: object, msg: string): void => {
      lines.push({ level, msg, fields: { ...fields } })
    }
  const logger = { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger }
  return logger
}
