import { createGateway } from '@vsmcp/mcp'
import { LoopSense } from '../algedonic/loop-sense.ts'
import { SealedSessionIds } from '../keys/sealed-session-ids.ts'
import type { GroupParts, HomeParts } from '../parts.ts'
import { Feeds } from '../system4/feeds.ts'
import { type Assembly, serverNameOf } from './assembly.ts'

/** What a process does for its home group only. */
export function homeParts(assembly: Assembly, parts: GroupParts): HomeParts {
  const { store, scopes, logger } = assembly
  const { algedonic, degradation, scanner, router } = parts
  return {
    gateway: gatewayOf(assembly, parts),
    feeds: new Feeds({
      scanner,
      isPaused: () => degradation.isReduced,
      router: () => router,
      kv: store.kv('feeds'),
      clock: scopes.clock('feeds'),
      logger,
    }),
    loopSense: new LoopSense({ algedonic, clock: scopes.clock('sense of time') }),
  }
}

function gatewayOf(assembly: Assembly, { lives, sessionKeys, router }: GroupParts): HomeParts['gateway'] {
  const { init, enrolment, scopes, logger, self, group } = assembly
  const { host, port, token } = init.http
  const sessionIds = new SealedSessionIds({
    keys: sessionKeys,
    self,
    group: `${enrolment.meshId} ${enrolment.groupId}`,
    life: () => lives.own.number,
    members: () => group.state?.members.keys() ?? [],
  })
  return createGateway({
    host,
    port,
    name: serverNameOf(assembly),
    version: init.version,
    ...(token === undefined ? {} : { token }),
  })({ router, sessionIds, clock: scopes.clock('gateway'), logger: logger.child({ part: 'gateway' }) })
}
