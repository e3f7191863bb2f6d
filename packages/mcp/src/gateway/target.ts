import { editObject, membersOf, memberText } from './json-text.ts'
import type { RoutedMethod } from './contract.ts'

/**
 * The params of a routed request with the server's own name, prompt or URI in the place of the listed one. The rest of the text
 * stays as the client wrote it.
 * @param paramsJson from `RoutedRequest`
 */
export function withTarget(method: RoutedMethod, paramsJson: string, target: string): string {
  const members = membersOf(paramsJson) ?? []
  const value = JSON.stringify(target)
  if (method === 'completion/complete') {
    const refJson = memberText(paramsJson, members, 'ref') ?? '{}'
    const inside = membersOf(refJson) ?? []
    const key = memberText(refJson, inside, 'type') === '"ref/prompt"' ? 'name' : 'uri'
    return editObject(paramsJson, members, new Map([['ref', editObject(refJson, inside, new Map([[key, value]]))]]))
  }
  return editObject(paramsJson, members, new Map([[method === 'resources/read' ? 'uri' : 'name', value]]))
}
