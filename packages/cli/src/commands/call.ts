import type { ToolCallAnswer } from '@vsmcp/node'
import { CALL_TIMEOUT_MS } from '../constants.ts'
import { ToolAnsweredError } from '../errors.ts'
import { durationOption } from '../options.ts'
import { parseToolArgs } from '../tool-args.ts'
import { formatBytes } from '../terminal/format.ts'
import { printable, printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes } from './command.ts'

interface Options {
  args?: string
  timeout: number
}

export const define: Define = (command, open) => {
  command
    .argument('<tool>', 'as "vsmcp tools" lists it, or unit__tool')
    .option('--args <json>', 'its arguments: a JSON object, - for standard input, or @FILE')
    .addOption(durationOption('--timeout <duration>', 'give up after this', CALL_TIMEOUT_MS))
    .addHelpText(
      'after',
      notes(
        'Prints the text of the answer; with --json the whole answer. Exit code 5 when the tool answered an error, 6 when',
        'it was sent and no answer came in time or at all (it may have been done), 7 when the time was over before that.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp call echo --args \'{"message":"hello"}\'',
        'vsmcp call write_file --args @change.json --timeout 2m',
        'jq -n \'{path:"/"}\' | vsmcp call list_directory --args -',
      ),
    )
    .action(async (tool: string, options: Options) => {
      const session = open(command)
      const { node, terminal } = session
      const args = await parseToolArgs(options.args, session)
      let progress = ''
      const calling = node.call({
        tool,
        args,
        timeoutMs: options.timeout,
        onProgress: (at) => (progress = describe(at)),
      })
      const answer = await terminal.during(`calling ${tool}`, calling, () => progress)
      terminal.answer(answer, (whole) => render(whole, terminal))
      const { synthetic } = answer
      if (synthetic !== undefined) terminal.warn(`no server gave this answer, it was declared for when none can: ${synthetic}`)
      if (answer.isError) {
        throw new ToolAnsweredError(`${tool} on ${printableLine(answer.nodeName)} answered an error`, {
          hint: 'What the tool says is above; its arguments may be wrong.',
        })
      }
    })
}

function describe(at: { progress: number; total?: number; message?: string }): string {
  const far = at.total === undefined ? String(at.progress) : `${at.progress}/${at.total}`
  return at.message === undefined ? far : `${far} ${printableLine(at.message)}`
}

interface Content {
  type?: unknown
  text?: unknown
  data?: unknown
  mimeType?: unknown
  uri?: unknown
  resource?: Content
}

/** The content blocks of MCP's `CallToolResult`: text as it is, the rest named. */
function render({ result }: ToolCallAnswer, terminal: Terminal): string {
  const content = Array.isArray(result['content']) ? (result['content'] as Content[]) : []
  if (content.length > 0) return content.map((block) => renderBlock(block, terminal)).join('\n')
  const structured = result['structuredContent']
  return structured === undefined ? '' : JSON.stringify(structured, null, 2)
}

function renderBlock(block: Content, terminal: Terminal): string {
  const text = block.text ?? block.resource?.text
  // A program behind a pipe gets the very bytes; a terminal must not be commanded by a tool.
  if (typeof text === 'string') return terminal.stdoutIsTerminal ? printable(text) : text
  const data = block.data
  const size = typeof data === 'string' ? `, ${formatBytes(Buffer.byteLength(data, 'base64'))}` : ''
  const what = [block.type, block.mimeType, block.uri ?? block.resource?.uri].filter((each) => typeof each === 'string')
  return `[${printableLine(what.join(' '))}${size}: see --json]`
}
