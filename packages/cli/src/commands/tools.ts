import type { ToolView } from '@vsmcp/node'
import { type GroupOption, groupOption, inGroup } from '../options.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { printableLine } from '../terminal/printable.ts'
import { type Define, examples } from './command.ts'

export const define: Define = (command, open) => {
  command
    .addOption(groupOption())
    .addHelpText(
      'after',
      examples(
        'vsmcp tools',
        'vsmcp tools --group /eu/plant-7',
        "vsmcp tools --json | jq -r '.[].name'",
        'vsmcp call echo --args \'{"message":"hello"}\'',
      ),
    )
    .action(async (options: GroupOption) => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.tools(inGroup(options))), (tools) => render(tools, terminal))
    })
}

function render(tools: readonly ToolView[], terminal: Terminal): string {
  if (tools.length === 0) return 'no tools yet: attach a server with "vsmcp attach NAME -- COMMAND ARGS…"'
  const rows = tools.map((tool) => [
    printableLine(tool.name),
    tool.unit,
    printableLine(tool.nodeName),
    tool.readOnly ? 'reads' : 'writes',
    printableLine(tool.title ?? tool.description ?? ''),
  ])
  return terminal.table(['TOOL', 'UNIT', 'NODE', 'DOES', 'WHAT'], rows)
}
