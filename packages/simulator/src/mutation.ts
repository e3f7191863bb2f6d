/** A snippet of a source, and what stands in its place once it is broken. */
export interface Patch {
  /** Path from the root of the checkout. */
  readonly file: string
  /** Stands in the file just once; when it does not any more, the mutation has to be written anew. */
  readonly find: string
  readonly replace: string
}

/** A rule of the real code broken on purpose, to see that the simulation sees it. */
export interface Mutation extends Patch {
  readonly name: string
  /** Harmless by itself: a bound made so small that the rule matters within one life. */
  readonly also?: readonly Patch[]
  /** Seeds, from 1, within which it must be caught. */
  readonly seedsMax: number
}

/** What a source is once it is broken. Throws `Error` when it does not hold the snippet just once. */
export function mutated(source: string, name: string, { file, find, replace }: Patch): string {
  const parts = source.split(find)
  if (parts.length !== 2) {
    throw new Error(
      `the mutation "${name}" fits ${file} in ${parts.length - 1} places instead of one: write it anew for the code of now`,
    )
  }
  return parts.join(replace)
}

export function patchesOf({ file, find, replace, also = [] }: Mutation): readonly Patch[] {
  return [{ file, find, replace }, ...also]
}
