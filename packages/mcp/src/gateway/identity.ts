import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import { DISCOVER_TTL_MS, LEGACY_VERSIONS, MODERN_VERSION } from './constants.ts'
import type { GatewayIdentity } from './contract.ts'

/**
 * What the mesh offers as a server. Not `resources.subscribe`: updates of single resources do not travel through the mesh. Not
 * `tasks`: a task's life is bound to one server.
 */
const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
}

/** How the mesh presents itself, as texts made once. */
export class Identity {
  /** `"io.modelcontextprotocol/serverInfo":{…}`: a member for `_meta`. */
  readonly metaMember: string
  /** `"_meta":{…}`: a member for a result that has no `_meta`. */
  readonly resultMember: string
  readonly discoverResult: string
  readonly #serverInfo: { name: string; version: string }
  readonly #instructions: { instructions?: string }

  constructor({ name = 'vsmcp', version = '0.0.0', instructions }: GatewayIdentity) {
    this.#serverInfo = { name, version }
    this.#instructions = instructions === undefined ? {} : { instructions }
    this.metaMember = `${JSON.stringify(SERVER_INFO_META_KEY)}:${JSON.stringify(this.#serverInfo)}`
    this.resultMember = `"_meta":{${this.metaMember}}`
    this.discoverResult = JSON.stringify({
      resultType: 'complete',
      // Legacy revisions are agreed on by `initialize`, so only what a modern request may name stands here.
      supportedVersions: [MODERN_VERSION],
      capabilities: CAPABILITIES,
      ...this.#instructions,
      ttlMs: DISCOVER_TTL_MS,
      cacheScope: 'private',
      _meta: { [SERVER_INFO_META_KEY]: this.#serverInfo },
    })
  }

  /** @param requested the client's revision; one that is not served gets the newest that is (2025-11-25, "Version Negotiation") */
  initializeResult(requested: string): { protocolVersion: string; resultJson: string } {
    const protocolVersion = LEGACY_VERSIONS.find((version) => version === requested) ?? LEGACY_VERSIONS[0] ?? requested
    const result = { protocolVersion, capabilities: CAPABILITIES, serverInfo: this.#serverInfo, ...this.#instructions }
    return { protocolVersion, resultJson: JSON.stringify(result) }
  }
}
