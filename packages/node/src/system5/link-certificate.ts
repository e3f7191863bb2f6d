import type { Link } from '@vsmcp/security'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'

const schema = z.object({
  statement: z.instanceof(Uint8Array),
  signatures: z.array(z.object({ peer: z.string(), signature: z.instanceof(Uint8Array) })),
})

/** A certificate as the docket carries it: base64url of its packed form. */
export function encodeLink(link: Link): string {
  return pack(link).toString('base64url')
}

/** Throws for anything that is no certificate. */
export function decodeLink(text: string): Link {
  return schema.parse(unpack(Buffer.from(text, 'base64url')))
}
