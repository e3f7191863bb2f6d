const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const SEXTETS: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (letter, value) => [letter, value]))

/** RFC 4648 §5 without padding. @returns undefined for any other text, and for a spelling that no encoder gives */
export function bytesOfBase64url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let [bits, held, at] = [0, 0, 0]
  for (const letter of text) {
    const sextet = SEXTETS.get(letter)
    if (sextet === undefined) return undefined
    bits = (bits << 6) | sextet
    held += 6
    if (held < 8) continue
    held -= 8
    bytes[at++] = bits >>> held
    bits &= (1 << held) - 1
  }
  return bits === 0 ? bytes : undefined
}

/** The way back. */
export function base64urlOf(bytes: Uint8Array): string {
  let text = ''
  let [bits, held] = [0, 0]
  for (const byte of bytes) {
    bits = (bits << 8) | byte
    held += 8
    while (held >= 6) {
      held -= 6
      text += ALPHABET[bits >>> held]
      bits &= (1 << held) - 1
    }
  }
  return held === 0 ? text : text + (ALPHABET[bits << (6 - held)] ?? '')
}
