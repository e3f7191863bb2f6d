import { listsGroup, type Operation } from '@vsmcp/consensus'
import type { AskedGrant } from './child-group-invariants.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'
import type { Deed } from './plan.ts'
import { propose } from './propose.ts'

/** How many names there are: few, so that they are fought over. */
const NAMES = 3

/** Somebody founds, renames or removes a group below, invites a delegate of one, or wants its name for a unit. */
export function performGroupDeed(life: Life, host: Host, { how, which, name: number }: Extract<Deed, { kind: 'group' }>): void {
  const atMs = host.clock.wallMs(life.nowMs)
  const name = `p${number % NAMES}`
  const by = { author: host.id, atMs }
  const known = life.groups.at(-1 - which)
  if (how === 'found') {
    const group: AskedGrant = {
      id: `g${life.groups.length}`,
      name,
      founder: host.id,
      charterDigest: digestText(life.groups.length),
    }
    life.groups.push(group)
    found(life, host, group, atMs)
  } else if (how === 'claim') {
    const op = number < NAMES ? 'unit:claim' : 'unit:replicate'
    propose(life, host, { op, unit: name, peer: host.id, digest: digestText(0), ...by })
  } else if (how === 'release') propose(life, host, { op: 'unit:release', unit: name, ...by })
  else if (known === undefined) return
  // Asked once more, for the answer got lost, or by somebody else for something else.
  else if (how === 'again') found(life, host, number % 2 === 0 ? known : { ...known, charterDigest: digestText(number) }, atMs)
  else if (how === 'rename') propose(life, host, { op: 'group:rename', id: known.id, name, ...by })
  else if (how === 'remove') {
    const author = number % 2 === 0 ? known.founder : host.id
    propose(life, host, { op: 'group:remove', id: known.id, author, atMs })
  } else invite(life, host, known.id, atMs)
}

/** The founder asks the voters for the grant when it hears of the decision, and an impatient one before. */
function found(life: Life, host: Host, group: AskedGrant, atMs: number): void {
  const { id, name, founder, charterDigest } = group
  const operation: Operation = { op: 'group:create', id, name, charterDigest, author: founder, atMs }
  if (life.dice.chance(0.3)) askForGrant(life, host, group)
  propose(life, host, operation, (outcome) => {
    if (outcome !== 'void' && outcome.result.ok) askForGrant(life, host, group)
  })
}

function askForGrant(life: Life, host: Host, group: AskedGrant): void {
  for (const voter of host.raft.status().configuration.voters) {
    life.mesh.ask(
      host,
      voter,
      (asked) => {
        const lists = asked.mayVote && asked.state !== undefined && listsGroup(asked.state, group.id, group)
        if (lists) life.watch.of(asked).group.children.sawGranted(asked.id, group)
        return lists
      },
      () => {},
    )
  }
}

function invite(life: Life, host: Host, delegateOf: string, atMs: number): void {
  const id = `i${life.invitations.length}`
  life.invitations.push(id)
  propose(life, host, {
    op: 'invitation:create',
    id,
    verifier: 'AAAA',
    role: 'member',
    zone: '',
    uses: 1,
    expiresAtMs: atMs + 20_000,
    createdBy: host.id,
    delegateOf,
    author: host.id,
    atMs,
  })
}

function digestText(number: number): string {
  return number.toString(16).padStart(64, '0')
}
