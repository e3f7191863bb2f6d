import type { OwnResource } from '../route/own-offers.ts'
import type { Self } from './self-view.ts'

/** The self model for MCP clients: the same as `vsmcp self --json`. */
export function selfResource(self: Self): OwnResource {
  return {
    definition: {
      uri: 'vsmcp://self',
      name: 'self',
      title: 'What this mesh knows of itself',
      description:
        'Who this node is, what it does and how it is, what is asked of it and in vain, what it expects, what was decided and why, and how well it foretold lately.',
      mimeType: 'application/json',
    },
    read: async () => JSON.stringify(await self.view()),
  }
}
