import type { Command } from 'commander'
import type { Session } from '../session.ts'

/** Opens the run of a command once its options are known. */
export type Open = (command: Command) => Session

/** Gives a command its arguments, options, help and action. */
export type Define = (command: Command, open: Open) => void

/** Examples under a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}

/** A paragraph under a command's help. */
export function notes(...lines: readonly string[]): string {
  return `\n${lines.join('\n')}`
}
