import { stripVTControlCharacters } from 'node:util'
import { PAGE_LENGTH_MAX, QUOTE_LENGTH_MAX } from './constants.ts'

/** What a server sent where MCP was due, as one short line for an error: no control characters, cut. */
export function quote(text: string): string {
  const line = stripVTControlCharacters(text.slice(0, PAGE_LENGTH_MAX))
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return line.length > QUOTE_LENGTH_MAX ? `${line.slice(0, QUOTE_LENGTH_MAX)}…` : line
}

/** An error's text with a page of HTML in it, as servers of something else answer: what a person would read of the page. */
export function quotePage(text: string): string {
  const start = text.search(/<(?:!doctype|html|head|body|title|h1)\b/i)
  if (start < 0) return text.length > 2 * QUOTE_LENGTH_MAX ? `${text.slice(0, 2 * QUOTE_LENGTH_MAX)}…` : text
  const words = text
    .slice(start, start + PAGE_LENGTH_MAX)
    .replace(/<(script|style)\b[^>]*>.*?(?:<\/\1>|$)/gis, ' ')
    .replace(/<[^>]*(?:>|$)/g, ' ')
  const said = quote(words)
  return `${text.slice(0, start).slice(0, QUOTE_LENGTH_MAX)}${said === '' ? 'a page of HTML' : `a page of HTML: ${said}`}`
}
