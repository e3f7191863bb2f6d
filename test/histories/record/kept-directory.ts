import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

/** Not data: logs, the guardian's files, who holds the directory. */
const LEFT_OUT = /^(?:logs|processes|running\.json|holder|control\.sock|db\/(?:LOCK|LOG|LOG\.old))(?:\/|$)/

/** A data directory whole, its files in base64 by name, packed. Its keys belong to a mesh that exists nowhere else. */
export async function keep(dataDir: string): Promise<Uint8Array> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
  const files: Record<string, string> = {}
  for (const entry of entries) {
    const path = relative(dataDir, join(entry.parentPath, entry.name))
    if (entry.isFile() && !LEFT_OUT.test(path)) files[path] = (await readFile(join(dataDir, path))).toString('base64')
  }
  const sorted = Object.fromEntries(Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return gzipSync(JSON.stringify(sorted), { level: 9 })
}

/** The way back: files of mode 0600 in directories of mode 0700. */
export async function unpackInto(dataDir: string, kept: Uint8Array): Promise<void> {
  const files = JSON.parse(gunzipSync(kept).toString('utf8')) as Record<string, string>
  for (const [path, text] of Object.entries(files)) {
    const file = join(dataDir, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, Buffer.from(text, 'base64'), { mode: 0o600 })
  }
}
