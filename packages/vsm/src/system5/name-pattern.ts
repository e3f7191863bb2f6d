/** Whether a name is meant by a pattern: the same, or, where that ends with `*`, one that begins with what is before. */
export function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
