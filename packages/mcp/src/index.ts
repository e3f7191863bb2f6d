/**
 * The MCP adapter. Downward: attached servers ("units"), by command or URL, supervised. Upward: the endpoint that serves
 * the group's tools in both protocol eras. See README.md for an example.
 */
export type * from './contract.ts'
export type { InnerServer } from './unit/inner-connector.ts'
export { createUnit, type UnitComponents, type UnitInit } from './unit/unit.ts'
export {
  createProcessGuard,
  type GuardedProcess,
  type LaunchOptions,
  type ProcessEnd,
  type ProcessGuard,
  type ProcessGuardComponents,
  type ProcessGuardInit,
} from './unit/process-guard.ts'
export { IN_FLIGHT_MAX } from './unit/constants.ts'
export { canonicalDefinitions, type DefinitionLists } from './unit/definitions.ts'
export type { ClientIdentity } from './unit/params.ts'
export { DefinitionsError, ProcessGuardError, SecretMissingError, UnitStartError } from './unit/errors.ts'
export type * from './gateway/contract.ts'
export { createGateway, createRemoteRouter, runStdio } from './gateway/factories.ts'
export { BadAnswerError, InputRequiredError, ListenError, NodeUnreachableError, TargetUnknownError } from './gateway/errors.ts'
export { isToolError } from './gateway/results.ts'
export { withMeta, withTarget } from './gateway/target.ts'
/** RFC 6570 templates as the SDK matches them. */
export { UriTemplate } from '@modelcontextprotocol/server'
