const encoder = new TextEncoder()

/** Bytes of a value in MessagePack (its specification, 2013), in which all planes write their frames. Fields that are `undefined` are not written. */
export function wireSize(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? integerSize(value) : 9
    case 'string':
      return textSize(value)
    case 'object':
      return objectSize(value)
    default:
      // true, false; nil stands for what is undefined in a list.
      return 1
  }
}

function integerSize(value: number): number {
  const large = value < 0 ? -value * 2 - 1 : value
  if (value >= -32 && value < 128) return 1
  if (large < 256) return 2
  if (large < 65_536) return 3
  return large < 2 ** 32 ? 5 : 9
}

function textSize(text: string): number {
  const bytes = isAscii(text) ? text.length : encoder.encode(text).length
  return bytes + headSize(bytes, 32, true)
}

function objectSize(value: object | null): number {
  if (value === null) return 1
  if (value instanceof Uint8Array) return value.length + headSize(value.length, 0, true)
  if (Array.isArray(value)) {
    return (value as unknown[]).reduce<number>((sum, each) => sum + wireSize(each), headSize(value.length, 16, false))
  }
  let [size, count] = [0, 0]
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue
    count++
    size += textSize(key) + wireSize(field)
  }
  return size + headSize(count, 16, false)
}

/** @param hasByteLength texts and bytes have a head with a length of one byte, lists and maps have none */
function headSize(length: number, fixed: number, hasByteLength: boolean): number {
  if (length < fixed) return 1
  if (hasByteLength && length < 256) return 2
  return length < 65_536 ? 3 : 5
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false
  return true
}
