import { resolve } from 'node:path'
import type { ApplyResult } from '@vsmcp/node'
import { PartlyFailedError } from '../errors.ts'
import { readInput } from '../input.ts'
import { count } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { parseDeclaration } from '../units/declaration.ts'
import { type Define, examples, notes } from './command.ts'

interface Options {
  file: string
  prune?: boolean
}

export const define: Define = (command, open) => {
  command
    .requiredOption('-f, --file <file>', 'what to declare, YAML or JSON; - for standard input')
    .option('--prune', 'detach the units of this node that are not declared')
    .addHelpText(
      'after',
      notes(
        'The file, whose relative paths start from its own directory:',
        '  units:',
        '    files:',
        '      command: npx',
        '      args: [-y, "@modelcontextprotocol/server-filesystem", ./shared]',
        '      env: { LOG: info, TOKEN: env:FILES_TOKEN }   # or file:PATH; also envFile, cwd, startTimeout: 30s',
        '      claims: [serial-port, camera:shared]',
        '    wiki:',
        '      url: https://wiki.example/mcp',
        '      headers: { Authorization: file:wiki.token }',
      ),
    )
    .addHelpText('after', examples('vsmcp apply -f units.yaml', 'vsmcp apply -f units.yaml --prune --json'))
    .action(async ({ file, prune = false }: Options) => {
      const session = open(command)
      const { node, terminal, cwd, env } = session
      const content = await readInput(file, session)
      const path = file === '-' ? resolve(cwd, 'standard input') : resolve(cwd, file)
      const units = await parseDeclaration(content, path, { env, warn: (text) => terminal.warn(text) })
      const result = await terminal.during(`applying ${count(units.length, 'unit')}`, node.apply({ units, prune }))
      terminal.answer(result, render)
      const failed = result.changes.filter(({ outcome }) => outcome === 'failed')
      if (failed.length > 0) {
        throw new PartlyFailedError(
          `${count(failed.length, 'unit')} could not be applied: ${failed.map(({ name }) => name).join(', ')}`,
          {
            hint: 'The others are as declared; the same command again tries these once more.',
          },
        )
      }
    })
}

function render({ changes }: ApplyResult): string {
  if (changes.length === 0) return 'nothing is declared, nothing was done'
  return changes
    .map(({ name, outcome, error }) => `${name}: ${outcome}${error === undefined ? '' : `: ${printableLine(error.message)}`}`)
    .join('\n')
}
