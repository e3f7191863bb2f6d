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

/** The params of a request with one member of `_meta` set, in place of the client's own of that name. The rest stays as it was written. */
export function withMeta(paramsJson: string, key: string, value: object): string {
  const members = membersOf(paramsJson) ?? []
  const given = memberText(paramsJson, members, '_meta') ?? '{}'
  const inside = membersOf(given)
  const meta =
    inside === undefined ? JSON.stringify({ [key]: value }) : editObject(given, inside, new Map([[key, JSON.stringify(value)]]))
  return editObject(paramsJson, members, new Map([['_meta', meta]]))
}
