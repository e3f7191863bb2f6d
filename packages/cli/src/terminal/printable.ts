/** C0 and C1 control characters but tab and line feed, and the marks that turn the reading direction around. */
// oxlint-disable-next-line no-control-regex -- they are what this is about
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/**
 * Text of others made safe to show: a server's tool description must not move the cursor, change colours or rename the
 * window. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNPRINTABLE, '\ufffd')
}

/** The same on one line. */
export function printableLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim()
}
