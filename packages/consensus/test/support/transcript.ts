import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Configuration, Entry, Message, Ready, Snapshot } from '../../src/index.ts'
import { Cluster, type ClusterInit, text } from './cluster.ts'

const DIRECTORY = new URL('../transcripts/', import.meta.url)

/** A cluster that writes down what happens, for people to read and for later runs to compare with. */
export class Transcript {
  readonly cluster: Cluster
  readonly #lines: string[] = []
  #writtenAtMs = 0
  #quiet = false
  /** Leaves out heartbeats: they say the same thing ten times a second. */
  hidesHeartbeats = false

  constructor(title: string, init: ClusterInit = {}) {
    this.#lines.push(`# ${title}`)
    this.cluster = new Cluster(init)
    this.cluster.onTurn = ({ id }, ready) => this.#turn(id, ready)
    this.cluster.onMessage = ({ from, to, message }, arrives) => {
      if (this.hidesHeartbeats && message.type.startsWith('heartbeat')) return
      this.#write(`${from} ${arrives ? '->' : '-x'} ${to}  ${messageText(message)}`)
    }
  }

  /** Does something that is not worth reading. */
  quietly<T>(act: () => T): T {
    this.#quiet = true
    const result = act()
    this.#quiet = false
    this.#writtenAtMs = this.cluster.nowMs
    return result
  }

  /** A line about what the scenario does next. */
  say(what: string): void {
    this.#lines.push('', `> ${what}`)
  }

  /** Compares with the file of that name; `UPDATE_TRANSCRIPTS=1` writes it instead. Read the difference before you do. */
  check(name: string): void {
    const file = new URL(`${name}.txt`, DIRECTORY)
    const actual = `${this.#lines.join('\n')}\n`
    if (process.env['UPDATE_TRANSCRIPTS'] === '1') writeFileSync(file, actual)
    expect(existsSync(file), `${name}.txt is missing; write it with UPDATE_TRANSCRIPTS=1`).toBe(true)
    expect(actual).toBe(readFileSync(file, 'utf8'))
  }

  #turn(id: string, { softState, hardState, snapshot, entries, committedEntries, readStates, mustSync }: Ready): void {
    if (softState !== undefined)
      this.#write(`${id}: ${softState.role}, term ${softState.term}, leader ${softState.leader ?? 'unknown'}`)
    const written: string[] = []
    if (snapshot !== undefined) written.push(`snapshot ${snapshotText(snapshot)}`)
    if (entries.length > 0) written.push(`entries ${entriesText(entries)}`)
    if (hardState !== undefined) written.push(`term ${hardState.term} vote ${hardState.vote ?? '-'} commit ${hardState.commit}`)
    if (written.length > 0) this.#write(`${id}: ${mustSync ? 'syncs' : 'writes'} ${written.join(', ')}`)
    if (committedEntries.length > 0) this.#write(`${id}: applies ${entriesText(committedEntries)}`)
    for (const { context, index } of readStates) this.#write(`${id}: read ${context} is current as of ${index}`)
  }

  #write(line: string): void {
    if (this.#quiet) return
    const passed = this.cluster.nowMs - this.#writtenAtMs
    if (passed > 0) this.#lines.push(`  (${passed} ms later)`)
    this.#writtenAtMs = this.cluster.nowMs
    this.#lines.push(line)
  }
}

function messageText(message: Message): string {
  const proof = message.proof === undefined ? '' : `, with proof of ${message.proof.candidate} in ${message.proof.term}`
  return `${message.type} term ${message.term}${detailsOf(message)}${proof}`
}

function detailsOf(message: Message): string {
  switch (message.type) {
    case 'preVote':
    case 'vote':
      return `, log ends ${message.lastIndex}/${message.lastTerm}${message.type === 'vote' && message.transfer ? ', by transfer' : ''}`
    case 'preVoteAnswer':
      return `: ${message.granted ? 'yes' : 'no'}, for ${message.campaign}, committed ${message.commit}/${message.commitTerm}`
    case 'voteAnswer':
      return `: ${message.granted ? 'yes' : 'no'}, committed ${message.commit}/${message.commitTerm}`
    case 'append':
      return ` after ${message.previousIndex}/${message.previousTerm}: ${entriesText(message.entries)}, commit ${message.commit}`
    case 'appendAnswer':
      return message.rejected
        ? `: no ${message.index}, try ${message.hintIndex}/${message.hintTerm}`
        : `: have up to ${message.index}`
    case 'heartbeat':
      return `, commit ${message.commit}, round ${message.round}`
    case 'heartbeatAnswer':
      return `, round ${message.round}`
    case 'snapshot':
      return ` ${snapshotText(message.snapshot)}`
    default:
      return ''
  }
}

function entriesText(entries: readonly Entry[]): string {
  return `[${entries.map(({ index, term, type, data }) => `${index}/${term} ${type === 'noop' ? 'noop' : said(text(data))}`).join(', ')}]`
}

function snapshotText({ index, term, configuration }: Snapshot): string {
  return `${index}/${term} of ${configurationText(configuration)}`
}

function configurationText({ voters, outgoing, learners }: Configuration): string {
  const half = (name: string, peers: readonly string[]): string => (peers.length === 0 ? '' : `, ${name} ${peers.join(' ')}`)
  return `voters ${voters.join(' ')}${half('outgoing', outgoing)}${half('learners', learners)}`
}

/** Signatures say nothing to a reader: who signed does. */
function said(data: string): string {
  return data.replace(/,"endorsements":(\[.*?\])/, (_, list: string) => {
    const signers = (JSON.parse(list) as { peer: string }[]).map(({ peer }) => peer)
    return `,endorsed by ${signers.join(' ')}`
  })
}
