import { UNIT_NAME_LENGTH_MAX } from '../constants.ts'

/** A unit's name made of any name: lower case, what is not allowed a "-", cut to length, and apart from those taken. */
export function toUnitName(name: string, taken: ReadonlySet<string>): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  const slug = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
  const base = slug.slice(0, UNIT_NAME_LENGTH_MAX).replace(/-+$/, '') || 'unit'
  let free = base
  for (let number = 2; taken.has(free); number++) {
    const ending = `-${number}`
    free = `${base.slice(0, UNIT_NAME_LENGTH_MAX - ending.length)}${ending}`
  }
  return free
}
