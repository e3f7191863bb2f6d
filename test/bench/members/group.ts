export const GROUP = 8

/** How often each is asked for its view, milliseconds: what a figure can be off by. */
const POLL_MS = 20
export const GIVE_UP_MS = 120_000

export type Seen = 'alive' | 'suspect' | 'failed' | 'left'

/** Eight members that watch each other, ours or another's, as the benches of membership see them. */
export interface Group {
  /** The names and states that this member lists, itself among them. */
  view(member: number): Promise<ReadonlyMap<string, Seen>>
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

/** Until all list all as alive. */
export async function settled(group: Group): Promise<void> {
  await untilEach(group, ALL, performance.now(), isWhole)
}

export function isWhole(view: ReadonlyMap<string, Seen>): boolean {
  return view.size === GROUP && [...view.values()].every((state) => state === 'alive')
}

/** As `settled`, from the time that `begin` gives; who can say by itself when it sees all is asked before that. */
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
  const times = members.map(async (member) => {
    while (performance.now() - sinceMs < GIVE_UP_MS) {
      const view = await group.view(member).catch(() => new Map<string, Seen>())
      if (holds(view)) return performance.now() - sinceMs
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    throw new Error(`member ${member} did not come to see it within ${GIVE_UP_MS} ms`)
  })
  return Math.max(...(await Promise.all(times)))
}

export const others = (member: number): number[] => ALL.filter((other) => other !== member)
