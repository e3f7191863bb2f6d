import type { Hello } from '../../src/index.ts'

/** What the hello of these tests finds out about a peer. */
export interface Info {
  readonly name: string
}

const PASSWORD = 'let me in'

/** A hello that lets in whoever knows the password. */
export function passwordHello(name: string, password = PASSWORD): Hello<Info> {
  return {
    local: async () => new TextEncoder().encode(`${password}:${name}`),
    async verify(_peer, payload) {
      const [shown, other = ''] = new TextDecoder().decode(payload).split(':')
      if (shown !== PASSWORD) throw new Error(`wrong password "${shown}"`)
      return { info: { name: other } }
    },
  }
}
