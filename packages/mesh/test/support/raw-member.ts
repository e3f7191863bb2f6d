import { onTestFinished } from 'vitest'
import { HELLO_PROTOCOL } from '../../src/constants.ts'
import type { Mesh } from '../../src/index.ts'
import { decodeLinkMessage, encodeLinkMessage } from '../../src/link-message.ts'
import { MessagePipe } from '../../src/message-pipe.ts'
import { type Connection, type GossipSub, type Libp2p, multiaddr, rawGossipNode } from './raw.ts'

/** A libp2p node that says a proper hello and then writes whatever a test wants. */
export interface RawMember {
  readonly node: Libp2p
  readonly connection: Connection
  readonly link: MessagePipe
  readonly pubsub: GossipSub
}

/** @param manners `ready: false` keeps from saying that the subscriptions have come */
export async function rawMember(
  mesh: Mesh,
  manners: { payload?: string; incarnation?: string; ready?: boolean } = {},
): Promise<RawMember> {
  const { payload = 'let me in:raw', incarnation = 'raw', ready = true } = manners
  const node = await rawGossipNode()
  onTestFinished(() => node.stop())
  node.services.pubsub.subscribe('vsmcp/presence')
  const connection = await node.dial(mesh.listenAddresses().map((address) => multiaddr(address)))
  const link = new MessagePipe(await connection.newStream(HELLO_PROTOCOL), 1 << 20)
  const hello = { kind: 'hello', wireMin: 1, wireMax: 1, featureLevel: 1, incarnation } as const
  link.send(encodeLinkMessage({ ...hello, payload: new TextEncoder().encode(payload) }))
  const answer = decodeLinkMessage(await link.receive())
  if (answer.kind !== 'hello') throw new Error(`refused: ${JSON.stringify(answer)}`)
  link.send(encodeLinkMessage({ kind: 'accept' }))
  if (ready) link.send(encodeLinkMessage({ kind: 'ready' }))
  return { node, connection, link, pubsub: node.services.pubsub }
}
