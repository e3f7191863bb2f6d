import { type Clock, type Logger, type Random, UNIT_NAME_PATTERN, InvalidArgumentError } from '@vsmcp/kernel'
import type { Unit, UnitSpec } from '../contract.ts'
import { commandOf } from '../worker/command.ts'
import type { Connect } from './connection.ts'
import { START_TIMEOUT_MS } from './constants.ts'
import { httpConnector } from './http-connector.ts'
import type { ClientIdentity } from './params.ts'
import type { ProcessGuard } from './process-guard.ts'
import { stdioConnector } from './stdio-connector.ts'
import { type InnerServer, innerConnector } from './inner-connector.ts'
import { SupervisedUnit } from './supervised-unit.ts'

export interface UnitInit {
  spec: UnitSpec
  /** How the node names itself to the server. @default { name: 'vsmcp', version: '0.0.0' } */
  client?: ClientIdentity
}

export interface UnitComponents {
  clock: Clock
  random: Random
  logger: Logger
  /** Starts the server of a unit by command. */
  processes: ProcessGuard
  /** The group of nodes that a unit stands for, as this process reaches it. @default none is reached */
  groupOf?: (group: string) => InnerServer
  /** Reads an environment variable of the node, for `env:NAME` and for what servers inherit. @default that of the process */
  environment?: (name: string) => string | undefined
}

/** @throws `InvalidArgumentError` for a spec that can never work */
export const createUnit =
  (init: UnitInit) =>
  (components: UnitComponents): Unit => {
    const { name, source, startTimeoutMs = START_TIMEOUT_MS } = init.spec
    if (!UNIT_NAME_PATTERN.test(name)) {
      throw new InvalidArgumentError(`"${name}" is no name for a unit`, {
        hint: 'Use 1 to 24 of a-z, 0-9 and -, not beginning with -.',
      })
    }
    const client = init.client ?? { name: 'vsmcp', version: '0.0.0' }
    const environment = components.environment ?? ((variable) => process.env[variable])
    const all = { ...components, environment }
    const connect: Connect =
      source.kind === 'group'
        ? innerConnector(innerServerOf(name, source.group, components))
        : source.kind === 'http'
          ? httpConnector({ name, source, client, startTimeoutMs }, all)
          : stdioConnector({ name, source: source.kind === 'worker' ? commandOf(source) : source, client, startTimeoutMs }, all)
    return new SupervisedUnit({ name, kind: source.kind, startTimeoutMs, connect }, components)
  }

function innerServerOf(name: string, group: string, { groupOf }: UnitComponents): InnerServer {
  if (groupOf !== undefined) return groupOf(group)
  throw new InvalidArgumentError(`unit ${name} stands for a group, and no group is reached from here`)
}
