/**
 * The MCP adapter. Downward: attached servers ("units"), by command or URL, supervised. Upward: the endpoint that serves
 * the group's tools in both protocol eras. See README.md for an example.
 */
export type * from './contract.ts'
export type * from './gateway/contract.ts'
