import type { GroupState } from '@vsmcp/consensus'
import type { Clock } from '@vsmcp/kernel'
import { CONTROL_DEADLINE_MS } from '../constants.ts'
import type { GroupLog } from './group-log.ts'

/**
 * What a voter looks up in its own docket for somebody who may have heard of the commit before it did: that comes with the next message, at most a heartbeat
 * later. @returns undefined when it has not come by half of a control deadline
 */
export function knownSoon<T>(
  find: (state: GroupState) => T | undefined,
  { log, clock }: { readonly log: Pick<GroupLog, 'state' | 'on'>; readonly clock: Clock },
): Promise<T | undefined> {
  const known = log.state && find(log.state)
  if (known !== undefined) return Promise.resolve(known)
  const { promise, resolve } = Promise.withResolvers<T | undefined>()
  const timer = clock.after(CONTROL_DEADLINE_MS / 2, () => resolve(undefined))
  const look = ({ state }: { state: GroupState }): void => {
    const found = find(state)
    if (found !== undefined) resolve(found)
  }
  const offs = [log.on('entry:applied', look), log.on('state:installed', look)]
  return promise.finally(() => {
    timer.cancel()
    for (const off of offs) off()
  })
}
