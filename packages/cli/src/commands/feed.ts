import { systemClock } from '@vsmcp/kernel'
import type { FeedRequest, FeedView } from '@vsmcp/node'
import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import { addCommonOptions } from '../session.ts'
import { formatFigure } from '../terminal/figure.ts'
import { formatAgo } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'

interface AddOptions {
  url?: string
  resource?: string
  pointer?: string
}

export const define: Define = (command, open) => {
  command.description('Have System 4 watch numbers from outside, beside its own. Without a word, they are listed.')
  command.enablePositionalOptions().helpCommand(false)
  defineList(addCommonOptions(command.command('ls', { isDefault: true })), open)
  defineAdd(addCommonOptions(command.command('add')), open)
  defineRemove(addCommonOptions(command.command('rm')), open)
  command.addHelpText(
    'after',
    examples('vsmcp feed add price --url https://power.example/now --pointer /eur/mwh', 'vsmcp feed ls'),
  )
}

function defineList(command: Command, open: Open): void {
  command
    .description('List the feeds of this node.')
    .addHelpText('after', examples('vsmcp feed ls'))
    .action(async () => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.feeds()), (feeds) => render(feeds, terminal))
    })
}

function defineAdd(command: Command, open: Open): void {
  command
    .description('Have a number read once a minute, by this node.')
    .argument('<name>', 'of the feed: "vsmcp forecast" shows it as feed:NAME')
    .option('--url <url>', 'where it is, by HTTP; redirections are not followed')
    .option('--resource <uri>', 'or an MCP resource that can be read here')
    .option('--pointer <pointer>', 'its place in JSON, such as /eur/mwh (default: the whole text is the number)')
    .addHelpText('after', notes('It is read at once: what gives no number is not added. The same again changes nothing.'))
    .addHelpText(
      'after',
      examples(
        'vsmcp feed add queue --resource jobs://waiting',
        'vsmcp feed add price --url https://power.example/now --pointer /eur/mwh',
      ),
    )
    .action(async (name: string, options: AddOptions) => {
      const { node, terminal } = open(command)
      const feed = await terminal.during('reading the feed', node.addFeed(requestOf(name, options)))
      terminal.answer(
        feed,
        ({ last }) => `${name}: watched from now on, ${last === null ? 'without a value yet' : formatFigure(last)} now`,
      )
    })
}

function defineRemove(command: Command, open: Open): void {
  command
    .description('Watch a feed no more.')
    .argument('<name>', 'as "vsmcp feed ls" lists it')
    .addHelpText('after', examples('vsmcp feed rm price'))
    .action(async (name: string) => {
      const { node, terminal } = open(command)
      await terminal.during('asking the node', node.removeFeed(name))
      terminal.answer({ removed: name }, () => `${name}: watched no more`)
    })
}

function requestOf(name: string, { url, resource, pointer }: AddOptions): FeedRequest {
  const place = pointer === undefined ? {} : { pointer }
  if (url !== undefined && resource === undefined) return { name, source: { kind: 'url', url }, ...place }
  if (resource !== undefined && url === undefined) return { name, source: { kind: 'resource', uri: resource }, ...place }
  throw new UsageError('a feed has one source', { hint: 'Give either --url or --resource.' })
}

function render(feeds: readonly FeedView[], terminal: Terminal): string {
  if (feeds.length === 0) return 'no feeds yet: add one with "vsmcp feed add NAME --url URL"'
  const now = systemClock.wallMs()
  const rows = feeds.map(({ name, source, pointer, last, at, problem }) => [
    name,
    last === null ? '-' : formatFigure(last),
    at === null ? '-' : formatAgo(at, now),
    `${printableLine(source.kind === 'url' ? source.url : source.uri)}${pointer === undefined ? '' : ` ${printableLine(pointer)}`}`,
    problem === null ? '-' : printableLine(problem),
  ])
  return terminal.table(['FEED', 'LAST', 'READ', 'SOURCE', 'PROBLEM'], rows)
}
