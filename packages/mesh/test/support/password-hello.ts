import type { Hello } from '../../src/index.ts'

/** What the hello of these tests finds out about a peer. */
export interface Info {
  readonly name: string
}

const PASSWORD = 'let me in'

/** A hello that lets in whoever knows the password. */
export function passwordHello(name: string, password = PASSWORD, addresses: () => readonly string[] = () => []): Hello<Info> {
  return {
    local: async () => new TextEncoder().encode([`${password}:${name}`, ...addresses()].join('\n')),
    async verify(_peer, payload) {
      const [said = '', ...listed] = new TextDecoder().decode(payload).split('\n')
      const [shown, other = ''] = said.split(':')
      if (shown !== PASSWORD) throw new Error(`wrong password "${shown}"`)
      return { info: { name: other }, addresses: listed }
    },
  }
}
