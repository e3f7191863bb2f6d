/** Three digits that count: `0.0123`, `4.5`, `137`, `12800`. */
export function formatFigure(value: number): string {
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return digits === 0 ? String(Math.round(value)) : String(Number(value.toFixed(Math.min(digits, 6))))
}

/** `0 %`, `3 %`, `100 %`; what is there but less than one: `<1 %`. */
export function formatShare(share: number): string {
  return share > 0 && share < 0.01 ? '<1 %' : `${Math.round(share * 100)} %`
}
