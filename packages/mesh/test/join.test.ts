import { describe, expect, test } from 'vitest'
import { DialError, JOIN_LENGTH_MAX, JoinError, type JoinExchange } from '../src/index.ts'
import { bytes, type NodeOptions, recordingLogger, startMesh, text } from './support/nodes.ts'

type Serve = (peer: string, exchange: JoinExchange, address: string) => Promise<void>

const serving = (onJoin: Serve, more: NodeOptions = {}): NodeOptions => ({ ...more, components: { onJoin, ...more.components } })

const echo: Serve = async (_peer, exchange) => {
  for (;;) await exchange.send(await exchange.receive())
}

describe('a join', () => {
  test('is a conversation with a node that has not seen a hello', async () => {
    const host = await startMesh(
      serving(async (peer, exchange) => {
        expect(text(await exchange.receive())).toBe('knock')
        await exchange.send(bytes(`who are you, ${peer}?`))
        await exchange.send(bytes(`welcome, ${text(await exchange.receive())}`))
      }),
    )
    const joiner = await startMesh()
    const said = await joiner.join(host.listenAddresses(), {}, async (exchange, peer, address) => {
      expect(peer).toBe(host.peerId)
      expect(host.listenAddresses()).toContain(address)
      await exchange.send(bytes('knock'))
      const question = text(await exchange.receive())
      await exchange.send(bytes('Ada'))
      return [question, text(await exchange.receive())]
    })
    expect(said).toEqual([`who are you, ${joiner.peerId}?`, 'welcome, Ada'])
    expect([...host.peers(), ...joiner.peers()]).toEqual([])
  })

  test('can be followed by a hello of the same nodes', async () => {
    const host = await startMesh(serving(echo, { name: 'host' }))
    const joiner = await startMesh()
    await joiner.join(host.listenAddresses(), {}, async (exchange) => {
      await exchange.send(bytes('x'))
      await exchange.receive()
    })
    expect(await joiner.dial(host.listenAddresses())).toMatchObject({ info: { name: 'host' } })
  })

  test('tries the next address until one is reached, and tells why others were not', async () => {
    const host = await startMesh(serving(echo))
    const joiner = await startMesh()
    const talk = async (exchange: JoinExchange): Promise<string> => {
      await exchange.send(bytes('x'))
      return text(await exchange.receive())
    }
    const nowhere = '/ip4/127.0.0.1/tcp/1'
    expect(await joiner.join([nowhere, ...host.listenAddresses()], {}, talk)).toBe('x')
    const error = await joiner.join([nowhere], {}, talk).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DialError)
    expect(error).toMatchObject({ attempts: [{ address: nowhere, reason: 'connection refused: nothing listens there' }] })
  })

  test('talks to the identities expected only', async () => {
    const host = await startMesh(serving(echo))
    const other = await startMesh()
    const joiner = await startMesh()
    const bare = host.listenAddresses().map((address) => address.replace(/\/p2p\/.*/, ''))
    const talked: string[] = []
    const talk = async (_exchange: JoinExchange, peer: string): Promise<void> => void talked.push(peer)
    await expect(joiner.join(bare, { expect: [other.peerId, joiner.peerId] }, talk)).rejects.toThrow(DialError)
    expect(talked).toEqual([])
    await joiner.join(bare, { expect: [other.peerId, host.peerId] }, talk)
    expect(talked).toEqual([host.peerId])
  })

  test('tells the host where the stranger comes from', async () => {
    const came: string[] = []
    const onJoin = async (_peer: string, exchange: JoinExchange, address: string): Promise<void> => {
      came.push(address)
      await exchange.send(await exchange.receive())
    }
    const host = await startMesh(serving(onJoin))
    const joiner = await startMesh()
    await joiner.join(host.listenAddresses(), {}, async (exchange) => {
      await exchange.send(bytes('x'))
      return exchange.receive()
    })
    expect(came).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)])
  })

  test('at a node that offers none fails at the dial', async () => {
    const [host, joiner] = [await startMesh(), await startMesh()]
    await expect(joiner.join(host.listenAddresses(), {}, async () => 'never')).rejects.toThrow(DialError)
  })

  test('throws on what the talk threw, at once', async () => {
    const host = await startMesh(serving(echo))
    const joiner = await startMesh()
    let tries = 0
    const talk = async (): Promise<never> => {
      tries += 1
      throw new TypeError('changed my mind')
    }
    await expect(joiner.join([...host.listenAddresses(), ...host.listenAddresses()], {}, talk)).rejects.toThrow(TypeError)
    expect(tries).toBe(1)
  })

  test('ends with an error when the host throws, and the reason stays in its log', async () => {
    const logger = recordingLogger()
    const onJoin: Serve = async (_peer, exchange) => {
      await exchange.receive()
      throw new Error('the invitation is used up')
    }
    const host = await startMesh(serving(onJoin, { components: { logger } }))
    const joiner = await startMesh()
    const error = await joiner
      .join(host.listenAddresses(), {}, async (exchange) => {
        await exchange.send(bytes('x'))
        await exchange.receive()
      })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(JoinError)
    expect(String(error)).not.toContain('used up')
    expect(logger.lines).toContainEqual(
      expect.objectContaining({
        msg: 'a join failed',
        fields: expect.objectContaining({ error: 'the invitation is used up' }) as object,
      }),
    )
  })
})

describe('a join is bounded', () => {
  test('in time', async () => {
    const host = await startMesh(serving(() => new Promise(() => {})))
    const joiner = await startMesh()
    const talk = async (exchange: JoinExchange): Promise<void> => {
      await exchange.send(bytes('x'))
      await exchange.receive()
    }
    await expect(joiner.join(host.listenAddresses(), { exchangeTimeoutMs: 100 }, talk)).rejects.toThrow(/longer than 100 ms/)
  })

  test('in what a stranger may leave unsaid', async () => {
    const host = await startMesh(serving(echo, { limits: { helloTimeoutMs: 100 } }))
    const joiner = await startMesh()
    await expect(joiner.join(host.listenAddresses(), {}, (exchange) => exchange.receive())).rejects.toThrow(JoinError)
  })

  test('in the length of a message, on both sides', async () => {
    const host = await startMesh(serving(echo))
    const joiner = await startMesh()
    const largest = await joiner.join(host.listenAddresses(), {}, async (exchange) => {
      await exchange.send(new Uint8Array(JOIN_LENGTH_MAX))
      return exchange.receive()
    })
    expect(largest.byteLength).toBe(JOIN_LENGTH_MAX)
    const tooLong = (exchange: JoinExchange): Promise<void> => exchange.send(new Uint8Array(JOIN_LENGTH_MAX + 1))
    await expect(joiner.join(host.listenAddresses(), {}, tooLong)).rejects.toThrow(/over the cap/)
  })

  test('in the number of messages', async () => {
    const host = await startMesh(serving(echo))
    const joiner = await startMesh()
    let rounds = 0
    const talk = async (exchange: JoinExchange): Promise<void> => {
      for (;;) {
        await exchange.send(bytes('x'))
        await exchange.receive()
        rounds += 1
      }
    }
    await expect(joiner.join(host.listenAddresses(), {}, talk)).rejects.toThrow(JoinError)
    expect(rounds).toBe(8)
  })

  test('and can be cancelled', async () => {
    const host = await startMesh(serving(() => new Promise(() => {})))
    const joiner = await startMesh()
    const controller = new AbortController()
    const talk = async (exchange: JoinExchange): Promise<void> => {
      await exchange.send(bytes('x'))
      controller.abort()
      await exchange.receive()
    }
    await expect(joiner.join(host.listenAddresses(), { signal: controller.signal }, talk)).rejects.toThrow(/cancelled/)
  })
})
