/**
 * Resolves with the answers there are as soon as they are enough, or when nobody else can answer: one dead voter costs
 * nobody a whole deadline.
 * @param asked never rejecting; undefined for who gave no answer
 */
export function gather<T>(
  asked: readonly Promise<T | undefined>[],
  enough: (answers: readonly T[]) => boolean,
): Promise<readonly T[]> {
  const { promise, resolve } = Promise.withResolvers<readonly T[]>()
  const answers: T[] = []
  let open = asked.length
  if (open === 0) resolve(answers)
  for (const each of asked) {
    void each.then((answer) => {
      open--
      if (answer !== undefined) answers.push(answer)
      if (open === 0 || enough(answers)) resolve([...answers])
    })
  }
  return promise
}
