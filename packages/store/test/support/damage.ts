import { join } from 'node:path'
import { Level } from 'level'

/**
 * Changes the bytes that a store which is closed has on disk for a key, checksum and all, as a bad disk does. Throws when there are none.
 * @param key with its namespace
 */
export async function damageValue(
  dir: string,
  key: { namespace: string; key: string },
  change: (stored: Uint8Array) => Uint8Array,
): Promise<void> {
  const db = new Level<string, Uint8Array>(join(dir, 'db'), { keyEncoding: 'utf8', valueEncoding: 'view' })
  await db.open({ createIfMissing: false })
  try {
    const full = `k!${key.namespace}!${key.key}`
    // Typed as always there by level, undefined when it is not (abstract-level 3).
    const stored: Uint8Array | undefined = await db.get(full)
    if (stored === undefined) throw new Error(`nothing is stored as ${full}`)
    await db.put(full, change(stored))
  } finally {
    await db.close()
  }
}

/** A bit of its last byte is another. */
export const flipped = (stored: Uint8Array): Uint8Array => stored.map((byte, at) => (at === stored.length - 1 ? byte ^ 1 : byte))

/** The second half never reached the disk. */
export const torn = (stored: Uint8Array): Uint8Array => stored.slice(0, stored.length / 2)
