import type { GroupId } from '@vsmcp/kernel'
import type { SignedRecord } from './signed-record.ts'

interface Offer {
  readonly record: SignedRecord
  isUnderWay: boolean
}

/** Hands a record to each that may carry it into the group. */
export type HandToDelegates = (into: GroupId, record: SignedRecord) => Promise<unknown>[]

/**
 * What a leader says to a group beside its own, until a delegate has taken it: in the moments after a group was founded, or a node began, there may be none.
 * Only the latest for each group is kept, so it is bounded by the groups beside this one.
 */
export class RecordOffers {
  readonly #hand: HandToDelegates
  readonly #open = new Map<GroupId, Offer>()

  constructor(hand: HandToDelegates) {
    this.#hand = hand
  }

  /** Takes the place of what was said before. Resolves when a delegate has taken it, or none did: `again` then asks them again. */
  async offer(into: GroupId, record: SignedRecord): Promise<void> {
    const offer = { record, isUnderWay: true }
    this.#open.set(into, offer)
    try {
      await Promise.any(this.#hand(into, record))
      if (this.#open.get(into) === offer) this.#open.delete(into)
    } catch {
      // Each refusal is told by who hands it.
      offer.isUnderWay = false
    }
  }

  /** What nobody has taken; what is under way is left alone. Of groups that are not wanted any more it is forgotten. */
  async again(isWanted: (into: GroupId) => boolean): Promise<void> {
    const due = [...this.#open].filter(([, { isUnderWay }]) => !isUnderWay)
    await Promise.all(
      due.map(async ([into, { record }]) => {
        if (isWanted(into)) await this.offer(into, record)
        else this.#open.delete(into)
      }),
    )
  }
}
