/** What to do next, by an error's code, where the error itself does not say: who raised it may not know the commands. */
const HINTS: Readonly<Record<string, string>> = {
  VSMCP_SECURITY_JOIN_REFUSED:
    'Ask for another invitation: "vsmcp invite" on a member makes one, "vsmcp invite ls" tells why this one does not do.',
  VSMCP_SECURITY_INVITATION_REFUSED: 'Ask for another invitation: "vsmcp invite" on a member makes one.',
  VSMCP_NODE_UNIT_UNKNOWN: '"vsmcp units" lists the units and the nodes they are attached to.',
  VSMCP_NODE_TARGET_UNKNOWN: '"vsmcp tools" lists the tools.',
}

/** @returns undefined for a code that speaks for itself */
export function hintFor(code: string): string | undefined {
  return HINTS[code]
}
