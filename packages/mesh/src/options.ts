import type { Ed25519PrivateKey } from '@libp2p/interface'
import { InvalidArgumentError } from '@vsmcp/kernel'
import { parseAddress, parseListenAddress } from './addresses.ts'
import {
  CONNECTIONS_MAX,
  DEFAULT_LISTEN,
  FEATURE_LEVEL,
  HELLO_TIMEOUT_MS,
  IN_FLIGHT_MAX,
  INBOUND_PER_SECOND_PER_IP,
  SEND_QUEUE_BYTES_MAX,
  SILENCE_MS,
  STRANGERS_MAX,
  WIRE_RANGE,
} from './constants.ts'
import type { MeshInit, MeshLimits, WireRange } from './contract.ts'
import { checkPnetKey } from './private-network.ts'

/** Every option with its value. */
export interface FullInit extends Required<MeshLimits> {
  readonly privateKey: Ed25519PrivateKey
  readonly listen: readonly string[]
  readonly advertise: readonly string[]
  readonly pnetKey: string | undefined
  readonly mdnsMeshId: string | undefined
  readonly featureLevel: number
  readonly wire: WireRange
}

/** Fills in the defaults and checks; throws `AddressError` or `InvalidArgumentError`. */
export function fullInit(init: MeshInit, privateKey: Ed25519PrivateKey): FullInit {
  const { listen = DEFAULT_LISTEN, advertise = [], featureLevel = FEATURE_LEVEL, wire = WIRE_RANGE, limits = {} } = init
  const { pnetKey, mdnsMeshId } = init
  if (pnetKey !== undefined) checkPnetKey(pnetKey)
  for (const address of listen) parseListenAddress(address)
  for (const address of advertise) parseAddress(address)
  const { connectionsMax = CONNECTIONS_MAX, strangersMax = STRANGERS_MAX } = limits
  const { inboundPerSecondPerIp = INBOUND_PER_SECOND_PER_IP, helloTimeoutMs = HELLO_TIMEOUT_MS, silenceMs = SILENCE_MS } = limits
  const { inFlightMax = IN_FLIGHT_MAX, sendQueueBytesMax = SEND_QUEUE_BYTES_MAX } = limits
  const bounds = {
    connectionsMax,
    strangersMax,
    inboundPerSecondPerIp,
    helloTimeoutMs,
    silenceMs,
    inFlightMax,
    sendQueueBytesMax,
  }
  for (const [name, value] of Object.entries(bounds)) {
    if (!(value > 0)) throw new InvalidArgumentError(`limits.${name} is ${value}; it must be above 0`)
  }
  if (!(wire.min >= 0 && wire.min <= wire.max)) throw new InvalidArgumentError(`wire runs from ${wire.min} to ${wire.max}`)
  return Object.freeze({ privateKey, listen, advertise, pnetKey, mdnsMeshId, featureLevel, wire, ...bounds })
}
