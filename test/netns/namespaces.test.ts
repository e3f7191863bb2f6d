import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { expect } from 'vitest'

import { inNetwork } from './in-network.ts'
import { Network } from './namespaces.ts'

const maker = fileURLToPath(new URL('maker.ts', import.meta.url))

async function threeHosts(network: Network): Promise<void> {
  await network.addLan('lan')
  for (const [host, address] of [
    ['a', '10.77.0.1/24'],
    ['b', '10.77.0.2/24'],
    ['c', '10.77.0.3/24'],
  ] as const) {
    await network.addHost(host)
    await network.plug(host, 'lan', address)
  }
}

/** Whether a datagram of `from` arrives at `to`. That none came is known when one of `c`, which was sent later, is there. */
async function hears(network: Network, from: string, to: string): Promise<boolean> {
  const listen = `const s=require('dgram').createSocket('udp4').bind(4000,()=>console.log('listening'));s.once('message',(m)=>{console.log(String(m));process.exit()})`
  const listener = network.spawn(to, [process.execPath, '-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (listener.stdout === null) throw new Error('no output of the listener')
  const lines = createInterface(listener.stdout)[Symbol.asyncIterator]()
  await lines.next()
  for (const sender of [from, 'c']) {
    const send = `const s=require('dgram').createSocket('udp4');s.send('${sender}',4000,'${network.addressOf(to)}',()=>s.close())`
    await network.must(sender, process.execPath, '-e', send)
  }
  const { value } = (await lines.next()) as { value: string }
  return value === from
}

const namespaces = (): string[] => (existsSync('/run/netns') ? readdirSync('/run/netns') : [])

inNetwork('a blocked direction is silent and the other stays open; both ways, and healing', async () => {
  await using network = await Network.create()
  await threeHosts(network)
  expect(await hears(network, 'a', 'b')).toBe(true)
  await network.block('a', 'b')
  expect(await hears(network, 'a', 'b')).toBe(false)
  expect(await hears(network, 'b', 'a')).toBe(true)
  await network.unblock('a', 'b')
  expect(await hears(network, 'a', 'b')).toBe(true)
  await network.part(['a'], ['b'])
  expect(await hears(network, 'b', 'a')).toBe(false)
  await network.heal()
  expect(await hears(network, 'b', 'a')).toBe(true)
})

inNetwork('closing leaves no namespace, process or folder', async () => {
  const network = await Network.create()
  await threeHosts(network)
  const sleeper = network.spawn('a', ['sleep', '1000'], { stdio: 'ignore', detached: true })
  const gone = once(sleeper, 'exit')
  await network.close()
  expect((await gone)[1]).toBe('SIGKILL')
  expect(namespaces().filter((name) => name.startsWith(network.namespaceOf('')))).toEqual([])
  expect(existsSync(network.folder)).toBe(false)
})

inNetwork('a maker that is killed leaves nothing, either', async () => {
  const child = spawn(process.execPath, [maker], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { prefix, folder, pid } = JSON.parse(line) as { prefix: string; folder: string; pid: number }
  expect(namespaces().filter((name) => name.startsWith(prefix))).toHaveLength(2)
  child.kill('SIGKILL')
  await expect
    .poll(() => [namespaces().filter((name) => name.startsWith(prefix)), existsSync(folder), existsSync(`/proc/${pid}`)], {
      timeout: 10_000,
    })
    .toEqual([[], false, false])
})
