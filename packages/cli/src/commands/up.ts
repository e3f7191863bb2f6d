import { UsageError } from '../errors.ts'
import { type Define, examples, notes } from './command.ts'

export interface UpOptions {
  name?: string
  listen?: readonly string[]
  advertise?: readonly string[]
  bootstrap?: readonly string[]
  mdns?: string
  pnetKey?: string
  http?: string
  httpTokenFile?: string
  concurrency?: string
  rate?: string
  profile?: string
  logLevel?: string
  config?: string
  detach?: boolean
}

export const define: Define = (command, open) => {
  command
    .option('--name <name>', 'what this node is called (default: as enrolled)')
    .option('--listen <multiaddr...>', 'where other nodes reach this one (default: port 4950, IPv4 and IPv6)')
    .option('--advertise <addr...>', 'addresses others shall use instead, behind NAT: multiaddrs or HOST:PORT')
    .option('--bootstrap <addr...>', 'addresses to look for members at, whatever this node knows already')
    .option('--mdns <on|off>', 'find members on the local network, and be found there (default: on in the profile edge)')
    .option('--pnet-key <file>', 'speak only inside the private network of this key; see "vsmcp key pnet"')
    .option('--http <host:port>', 'where MCP clients reach this node (default: 127.0.0.1:4951)')
    .option('--http-token-file <file>', 'clients must send the token in this file; needed where --http is not loopback')
    .option('--concurrency <number>', 'calls all units here may have in work at once (default: 128 per processor core)')
    .option('--rate <number>', 'calls all units here may begin per second (default: no bound)')
    .option('--profile <profile>', 'mesh, or edge: rarely a voter, logs only warnings (default: mesh)')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--config <file>', 'read this instead of vsmcp.yaml in the data directory (or VSMCP_CONFIG)')
    .option('--detach', 'run in the background, and return once it serves')
    .addHelpText(
      'after',
      notes(
        'Runs until SIGTERM, SIGINT (Ctrl-C) or "vsmcp down": then calls in flight are finished and leadership is handed',
        'over; a second signal ends it at once. Port 0 takes a free one. What is not given here is taken from VSMCP_NAME,',
        'VSMCP_LISTEN, … (lists with commas), then from vsmcp.yaml: name, listen, advertise, bootstrap, mdns, pnetKey, http,',
        'httpTokenFile, concurrency, rate, profile, logLevel. With --json one line {"ready":true,"peerId","name","mcp","listen"} says that it serves.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp up',
        'vsmcp up --detach --name plant-7',
        'vsmcp up --advertise plant.example:4950',
        'vsmcp up --http 0.0.0.0:4951 --http-token-file ~/.vsmcp-token',
        'vsmcp up --listen /ip4/127.0.0.1/tcp/0 --http 127.0.0.1:0 --json',
      ),
    )
    .action(async (options: UpOptions) => {
      const session = open(command)
      if (options.config === '') throw new UsageError('--config is empty')
      if (options.detach === true) {
        const { upDetached } = await import('../up/detached.ts')
        return upDetached(session)
      }
      const { upHere } = await import('../up/here.ts')
      return upHere(session, options)
    })
}
