import { NotSentError } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { RecordOffers } from '../src/recursion/record-offers.ts'
import type { SignedRecord } from '../src/recursion/signed-record.ts'

const record = (sequence: number): SignedRecord => ({
  about: 'eu',
  order: { epoch: 1, term: 1, sequence },
  voice: 'a',
  bytes: new Uint8Array(),
  signature: new Uint8Array(),
})

const anybody = (): boolean => true
const taken = (): Promise<unknown> => Promise.resolve()
const refused = (): Promise<unknown> => Promise.reject(new NotSentError('there is no seat yet'))

/** What was handed over, and to delegates that answer so. */
function offering(delegates: { answers: (() => Promise<unknown>)[] }) {
  const handed: string[] = []
  const offers = new RecordOffers((into, { order }) => {
    handed.push(`${into} ${order.sequence}`)
    return delegates.answers.map((answer) => answer())
  })
  return { offers, handed }
}

describe('what a group says to those beside it', () => {
  it('is said again until one delegate has taken it: there may be none yet, and none that is up', async () => {
    const delegates: { answers: (() => Promise<unknown>)[] } = { answers: [] }
    const { offers, handed } = offering(delegates)
    await offers.offer('eu', record(0))
    await offers.again(anybody)
    delegates.answers = [refused, refused]
    await offers.again(anybody)
    delegates.answers = [refused, taken]
    await offers.again(anybody)
    await offers.again(anybody)
    expect(handed).toEqual(['eu 0', 'eu 0', 'eu 0', 'eu 0'])
  })

  it('is not said twice at once, nor after something later was said', async () => {
    const slow = Promise.withResolvers<unknown>()
    const delegates = { answers: [() => slow.promise] }
    const { offers, handed } = offering(delegates)
    const first = offers.offer('eu', record(0))
    await offers.again(anybody)
    expect(handed).toEqual(['eu 0'])
    delegates.answers = [taken]
    await offers.offer('eu', record(1))
    slow.reject(new NotSentError('too late'))
    await first
    await offers.again(anybody)
    expect(handed).toEqual(['eu 0', 'eu 1'])
  })

  it('is forgotten once it is for nobody beside this group any more', async () => {
    const delegates = { answers: [refused] }
    const { offers, handed } = offering(delegates)
    await offers.offer('eu', record(0))
    await offers.offer('us', record(0))
    await offers.again((into) => into === 'us')
    await offers.again(anybody)
    expect(handed).toEqual(['eu 0', 'us 0', 'us 0', 'us 0'])
  })
})
