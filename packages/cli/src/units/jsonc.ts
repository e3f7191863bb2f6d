/** JSON with comments, as editors keep their settings, to plain JSON of the same length: line numbers stay right. */
export function withoutComments(text: string): string {
  // A string, a line comment or a block comment, whichever begins first.
  return text.replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match) =>
    match.startsWith('/') ? match.replace(/[^\n]/g, ' ') : match,
  )
}
