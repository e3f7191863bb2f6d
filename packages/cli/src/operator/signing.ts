import { resolve } from 'node:path'
import type { CharterView, OperatorSigner } from '@vsmcp/node'
import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import type { Session } from '../session.ts'

export interface SigningOptions {
  reason: string
  operatorKey?: string
}

/** Options of what an operator decides. @param reason where a person need not give one */
export function addSigningOptions(command: Command, reason?: string): Command {
  const reasoned =
    reason === undefined
      ? command.requiredOption('--reason <text>', 'why: it stays in the charter, beside your name', reasonOf)
      : command.option('--reason <text>', 'why: it is kept beside your name', reasonOf, reason)
  return reasoned.option('--operator-key <file>', 'your key (or VSMCP_OPERATOR_KEY; default: operator.key in the data directory)')
}

/** What is signed in every decision of an operator, besides what it decides. */
export interface SignedWith {
  signer: OperatorSigner
  reason: string
  signedAtMs: number
}

/** Opens the operator's key, which never leaves this process. Throws `UsageError` when there is none. */
export async function openSigner(
  { reason, operatorKey }: SigningOptions,
  { env, cwd, dataDir }: Session,
  charter: CharterView,
): Promise<SignedWith> {
  const { operatorKeyFile, operatorSigner } = await import('@vsmcp/node')
  const named = operatorKey ?? env['VSMCP_OPERATOR_KEY']
  const file = named === undefined ? operatorKeyFile(dataDir) : resolve(cwd, named)
  try {
    return { signer: await operatorSigner(file, charter), reason, signedAtMs: Date.now() }
  } catch (error) {
    if (named !== undefined || (error as { code?: unknown }).code !== 'VSMCP_SECURITY_KEY_MISSING') throw error
    throw new UsageError(`an operator must sign this, and there is no key in ${file}`, {
      hint: 'Name yours with --operator-key FILE or VSMCP_OPERATOR_KEY; "vsmcp init" made the first one, where the mesh was made.',
      cause: error,
    })
  }
}

/** Characters of a reason in the charter. */
const REASON_MAX = 500

function reasonOf(text: string): string {
  const reason = text.trim()
  if (reason.length > 0 && reason.length <= REASON_MAX && !/[\p{Cc}\u2028\u2029]/u.test(reason)) return reason
  throw new UsageError(`--reason: 1 to ${REASON_MAX} characters on one line are needed`, {
    hint: 'Say in a sentence why: --reason "the laptop was stolen".',
  })
}
