import { FeedUnreadableError } from '../errors.ts'

/** Of what a feed gave, so much is quoted in an error, characters. */
const QUOTED = 60

/**
 * The number in what a feed gave: the whole text, or, with a JSON pointer (RFC 6901), that place in it.
 * @throws `FeedUnreadableError`
 */
export function readNumber(text: string, pointer: string | undefined): number {
  const found = pointer === undefined ? text.trim() : at(parsed(text), pointer)
  const number = typeof found === 'number' ? found : typeof found === 'string' && found !== '' ? Number(found) : Number.NaN
  if (Number.isFinite(number)) return number
  const where = pointer === undefined ? 'what it gave' : `what is at ${pointer}`
  throw new FeedUnreadableError(`${where} is no number: ${quoted(found)}`, {
    hint: 'Name the place of the number in JSON with --pointer /a/b.',
  })
}

/** RFC 6901: reference tokens after slashes, `~1` for a slash, `~0` for a tilde. */
function at(value: unknown, pointer: string): unknown {
  if (pointer === '') return value
  let here = value
  for (const token of pointer.slice(1).split('/')) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined
    here = (here as Record<string, unknown>)[key]
  }
  return here
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new FeedUnreadableError(`what it gave is no JSON: ${quoted(text)}`, { cause })
  }
}

function quoted(found: unknown): string {
  const text = typeof found === 'string' ? found : (JSON.stringify(found) ?? 'nothing')
  return text.length > QUOTED ? `${text.slice(0, QUOTED)} …` : text
}
