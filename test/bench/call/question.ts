/** What the tool answers; the load generator expects exactly this. */
export function answerFor(key: string, n: number): string {
  return `the value of ${key} at ${n} is ${(n * 31 + key.length) % 100_003}`
}
