/** Epochs of two genuine chains of voters that part: where they last agree, as known here, and as shown. */
export interface Parting {
  readonly common: number
  readonly known: number
  readonly shown: number
}

/**
 * Which of two chains that part counts (rule 9): the one of the later epoch, before which the other stands down. Two of one epoch that
 * began behind where they part are rivals: it was started twice. Otherwise a majority has signed twice.
 */
export function whichCounts({ common, known, shown }: Parting): 'known' | 'shown' | 'rivals' | 'forked' {
  if (shown !== known) return shown > known ? 'shown' : 'known'
  return known > common ? 'rivals' : 'forked'
}
