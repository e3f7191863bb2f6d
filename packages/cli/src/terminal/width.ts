import { stripVTControlCharacters } from 'node:util'

/** What a terminal draws two columns wide: East Asian wide and fullwidth forms, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Columns a text takes on a terminal; colours take none. */
export function displayWidth(text: string): number {
  const plain = stripVTControlCharacters(text)
  if (/^[\u0020-\u007e]*$/.test(plain)) return plain.length
  let width = 0
  for (const { segment } of segments.segment(plain)) width += WIDE.test(segment) ? 2 : 1
  return width
}

/** Cuts a plain text to so many columns, the last one an ellipsis when something is missing. */
export function cutTo(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const { segment } of segments.segment(text)) {
    width += displayWidth(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return `${kept}…`
}
