import { messageOf, parseDurationMs } from '@vsmcp/kernel'
import { Option } from 'commander'
import { UsageError } from './errors.ts'
import { formatDuration } from './terminal/format.ts'

/** An option that takes a duration; its value is in ms. */
export const durationOption = (flags: string, description: string, defaultMs: number): Option =>
  new Option(flags, description)
    .argParser(duration(flags.split(' ')[0] ?? flags))
    .default(defaultMs, formatDuration(defaultMs).replace(' min', 'm').replace(' ', ''))

/** Of commands that may be about another group than the home group of the node. */
export const groupOption = (description = 'of this group, in which the node has a seat (default: its home group)'): Option =>
  new Option('--group <path>', description)

export interface GroupOption {
  group?: string
}

/** What the node is asked with. */
export const inGroup = ({ group }: GroupOption): GroupOption => (group === undefined ? {} : { group })

/** Parses an option's value as a duration in ms, and names the option when it is none. */
export const duration =
  (option: string) =>
  (text: string): number => {
    try {
      const ms = parseDurationMs(text)
      if (ms > 0) return ms
    } catch (error) {
      throw new UsageError(`${option}: ${messageOf(error)}`, { hint: DURATION_HINT, cause: error })
    }
    throw new UsageError(`${option}: a duration longer than nothing is needed, not ${text}`, { hint: DURATION_HINT })
  }

const DURATION_HINT = 'Write a number and a unit: 250ms, 30s, 5m, 24h or 7d.'

/** Parses a whole number of at least `least`. */
export const wholeNumber =
  (option: string, least: number) =>
  (text: string): number => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (number >= least) return number
    throw new UsageError(`${option}: a whole number of at least ${least} is needed, not "${text}"`, {
      hint: `Write it in digits: ${option} ${least + 2}.`,
    })
  }

/** Parses a number above nothing. */
export const positive =
  (option: string) =>
  (text: string): number => {
    const number = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN
    if (number > 0) return number
    throw new UsageError(`${option}: a number above 0 is needed, not "${text}"`, {
      hint: `Such as ${option} 2 or ${option} 0.5.`,
    })
  }

/** Parses a share below the whole: `1%` or `0.01`. */
export const percentage =
  (option: string) =>
  (text: string): number => {
    const [, digits, sign] = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text) ?? []
    const share = digits === undefined ? Number.NaN : Number(digits) / (sign === '%' ? 100 : 1)
    if (share >= 0 && share < 1) return share
    throw new UsageError(`${option}: a share below 100% is needed, not "${text}"`, {
      hint: `Such as ${option} 1% or ${option} 0.01.`,
    })
  }

/** Collects an option that may be given several times. */
export const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value]

/** Refuses what is not one of the words. */
export const oneOf =
  <const T extends string>(option: string, words: readonly T[]) =>
  (text: string): T => {
    const word = words.find((each) => each === text)
    if (word !== undefined) return word
    throw new UsageError(`${option}: "${text}" is not one of ${words.join(', ')}`, { hint: `Write ${option} ${words[0] ?? ''}.` })
  }
