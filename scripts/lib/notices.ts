import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

import { root } from './paths.ts'

interface Manifest {
  name?: string
  version?: string
  license?: string
}

/** The folder of the package a file belongs to: the nearest one above it whose package.json has a name and a version. */
function packageFolder(file: string): string | undefined {
  for (let folder = dirname(file); folder.length > root.length; folder = dirname(folder)) {
    if (!existsSync(`${folder}/package.json`)) continue
    const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest
    if (manifest.name !== undefined && manifest.version !== undefined) return folder
  }
  return undefined
}

/** Name, version and licence text of every package whose code is in the bundle, as their licences ask for. */
export function thirdPartyNotices(inputs: readonly string[]): string {
  const folders = new Set<string>()
  for (const input of inputs) {
    if (!input.includes('node_modules/')) continue
    const folder = packageFolder(resolve(root, input))
    if (folder !== undefined) folders.add(folder)
  }
  const notices = new Map<string, string>()
  for (const folder of folders) {
    const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest
    const texts = readdirSync(folder)
      .filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
      .sort()
      .map((name) => readFileSync(`${folder}/${name}`, 'utf8').trim())
    const title = `${manifest.name} ${manifest.version} (${manifest.license ?? 'licence not named'})`
    notices.set(title, `${title}\n\n${texts.join('\n\n') || 'No licence text comes with the package.'}\n`)
  }
  const rule = `\n${'-'.repeat(80)}\n\n`
  const parts = [...notices.keys()].sort().map((title) => notices.get(title) ?? '')
  return `VSMCP contains code of these packages.\n${rule}${parts.join(rule)}`
}
