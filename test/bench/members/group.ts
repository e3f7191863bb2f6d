export const GROUP = 8

/** How often each is asked for its view, milliseconds: what a figure can be off by. */
const POLL_MS = 20
export const GIVE_UP_MS = 120_000

export type Seen = 'alive' | 'suspect' | 'failed' | 'left'

/** Eight members that watch each other, ours or another's, as the benches of membership see them. */
export interface Group {
  /** The names and states that this member lists, itself among them. */
  view(member: number): Promise<ReadonlyMap<string, Seen>>
  /** Whether it has a connection of its own to each of the others, where there are connections. */
  isMeshed?(member: number): Promise<boolean>
  /** Resolves when it lists so many as alive, if it can be asked to say so by itself: what is polled meanwhile costs it time. */
  wait?(member: number, members: number): Promise<void>
  nameOf(member: number): string
  /** SIGKILL; returns when the signal is sent. */
  kill(member: number): void
  /** Starts a killed member again, where it was. */
  revive(member: number): Promise<void>
  /** Verdicts against members since the group started, by who said so. */
  verdicts(): Promise<string[]>
  stop(): Promise<void>
}

const ALL = Array.from({ length: GROUP }, (_, member) => member)

/** Until all list all as alive, and are connected with all. */
export async function settled(group: Group): Promise<void> {
  await untilEach(group, ALL, performance.now(), isWhole)
  await untilMeshed(group, performance.now())
}

/** @returns milliseconds from `sinceMs` until each has a connection of its own to each */
export async function untilMeshed(group: Group, sinceMs: number): Promise<number> {
  const times = ALL.map((member) =>
    polled(member, sinceMs, async () => group.isMeshed === undefined || (await group.isMeshed(member))),
  )
  return Math.max(...(await Promise.all(times)))
}

export function isWhole(view: ReadonlyMap<string, Seen>): boolean {
  return view.size === GROUP && [...view.values()].every((state) => state === 'alive')
}

/** Until all list all as alive, from the time that `begin` gives; who can say by itself when it sees all is asked before that. */
export async function untilWhole(group: Group, begin: () => number): Promise<number> {
  const asked = ALL.map((member) => group.wait?.(member, GROUP))
  // each is at it when the time begins
  await Promise.all(ALL.map((member) => group.view(member)))
  const sinceMs = begin()
  const times = ALL.map(async (member) => {
    await asked[member]
    return untilEach(group, [member], sinceMs, isWhole)
  })
  return Math.max(...(await Promise.all(times)))
}

/** Asks these members until each answered as wanted. @returns milliseconds from `sinceMs` until the last did */
export async function untilEach(
  group: Group,
  members: readonly number[],
  sinceMs: number,
  holds: (view: ReadonlyMap<string, Seen>) => boolean,
): Promise<number> {
  const times = members.map((member) => polled(member, sinceMs, async () => holds(await group.view(member))))
  return Math.max(...(await Promise.all(times)))
}

/** Who does not answer is asked again. */
async function polled(member: number, sinceMs: number, ask: () => Promise<boolean>): Promise<number> {
  while (performance.now() - sinceMs < GIVE_UP_MS) {
    if (await ask().catch(() => false)) return performance.now() - sinceMs
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`member ${member} did not come to see it within ${GIVE_UP_MS} ms`)
}

export const others = (member: number): number[] => ALL.filter((other) => other !== member)
