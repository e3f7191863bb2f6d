import type { Define } from './command.ts'

export interface CommandEntry {
  name: string
  /** The line in `vsmcp --help`. */
  summary: string
  /** Loaded only when this command is the one. */
  load: () => Promise<{ define: Define }>
}

export interface CommandGroup {
  heading: string
  entries: readonly CommandEntry[]
}

export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    heading: 'A node and its mesh:',
    entries: [
      { name: 'init', summary: 'make a new mesh, with this node as its first member', load: () => import('./init.ts') },
      { name: 'join', summary: 'enrol this node with an invitation', load: () => import('./join.ts') },
      { name: 'up', summary: 'run the node', load: () => import('./up.ts') },
      { name: 'service', summary: 'let systemd run the node', load: () => import('./service.ts') },
      { name: 'down', summary: 'stop the node; it stays a member', load: () => import('./down.ts') },
      { name: 'invite', summary: 'make, list and revoke invitations', load: () => import('./invite.ts') },
      { name: 'group', summary: 'groups within groups: found, list, rename, move, remove', load: () => import('./group.ts') },
      { name: 'key', summary: 'the keys of a mesh', load: () => import('./key.ts') },
      { name: 'recover', summary: 'start the next epoch when the majority is lost for good', load: () => import('./recover.ts') },
      { name: 'backup', summary: 'write down what a node can be made anew from', load: () => import('./backup.ts') },
      { name: 'restore', summary: 'make a new node from a backup', load: () => import('./restore.ts') },
      { name: 'evict', summary: 'throw a member out', load: () => import('./evict.ts') },
      { name: 'leave', summary: 'leave the mesh for good', load: () => import('./leave.ts') },
    ],
  },
  {
    heading: 'What is decided:',
    entries: [
      { name: 'charter', summary: 'show, export and verify the charter', load: () => import('./charter.ts') },
      { name: 'policy', summary: 'show, set and look back at the policies', load: () => import('./policy.ts') },
      { name: 'proposals', summary: 'what Systems 3 and 4 ask for, and what became of it', load: () => import('./proposals.ts') },
      { name: 'decide', summary: 'decide what System 5 leaves to a person', load: () => import('./decide.ts') },
      { name: 'operator', summary: 'list, add and remove operators', load: () => import('./operator.ts') },
    ],
  },
  {
    heading: 'Units and tools:',
    entries: [
      { name: 'attach', summary: 'attach an MCP server to this node', load: () => import('./attach.ts') },
      { name: 'detach', summary: 'detach an MCP server from this node', load: () => import('./detach.ts') },
      { name: 'apply', summary: 'bring the units of this node to what a file declares', load: () => import('./apply.ts') },
      { name: 'units', summary: 'list the attached MCP servers of the group', load: () => import('./units.ts') },
      { name: 'tools', summary: 'list the tools of the group', load: () => import('./tools.ts') },
      { name: 'claims', summary: 'what units claim, who has it, who waits', load: () => import('./claims.ts') },
      { name: 'call', summary: 'call a tool, wherever it is', load: () => import('./call.ts') },
      { name: 'schedule', summary: 'have tools called again and again', load: () => import('./schedule.ts') },
      { name: 'mcp', summary: 'serve the mesh as an MCP server on stdin and stdout', load: () => import('./mcp.ts') },
    ],
  },
  {
    heading: 'What is going on:',
    entries: [
      { name: 'status', summary: 'this node, its group and its System 5', load: () => import('./status.ts') },
      { name: 'members', summary: 'the members of the group', load: () => import('./members.ts') },
      { name: 'alert', summary: 'pain that is not remedied: list, watch, raise, resolve', load: () => import('./alert.ts') },
      { name: 'self', summary: 'what the node knows of itself and of its group', load: () => import('./self.ts') },
      { name: 'forecast', summary: 'what is to be expected, and how sure that is', load: () => import('./forecast.ts') },
      { name: 'feed', summary: 'numbers from outside to be watched: list, add, remove', load: () => import('./feed.ts') },
      { name: 'whatif', summary: 'simulate: a node gone, demand doubled, a unit slow', load: () => import('./whatif.ts') },
      {
        name: 'findings',
        summary: 'targets missed, and reports that audits do not bear out',
        load: () => import('./findings.ts'),
      },
      { name: 'logs', summary: 'what happened', load: () => import('./logs.ts') },
      { name: 'doctor', summary: 'check clock, ports, reachability, disk and versions', load: () => import('./doctor.ts') },
      { name: 'wait', summary: 'wait until the group is as a script needs it', load: () => import('./wait.ts') },
    ],
  },
]
