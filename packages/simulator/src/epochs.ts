import { type EpochEffect, EpochRules, firstIndexOf, nextEpoch, remainsOf } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { AUTHORITY } from './authority.ts'
import { type Chain, epochOf, merged, type Recovery } from './chain.ts'
import { EpochInvariants } from './epoch-invariants.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'
import { Lineage } from './lineage.ts'

/** Rule 9 at every process: what in a node is the shell around the same rules. */
export class Epochs {
  readonly invariants = new EpochInvariants()
  readonly #life: Life
  /** By process and its life. */
  readonly #rules = new Map<string, EpochRules<Chain>>()
  #count = 0

  constructor(life: Life) {
    this.#life = life
  }

  /** Two meet, and show each other the chains they go by before anything else. @returns whether they are not rivals */
  hello(a: Host, b: Host): boolean {
    const [ofA, ofB] = [a.chain, b.chain]
    const first = this.#learn(a, ofB)
    const second = this.#learn(b, ofA)
    return first !== 'rival' && second !== 'rival'
  }

  /** A peer speaks of the log of another epoch. */
  differs(host: Host, peer: PeerIdString): void {
    this.#carryOut(host, this.#rulesOf(host).differs(peer, host.localMs))
  }

  /**
   * What a person does who has given up the majority: on the directory of a process that is stopped, with the mesh key. @returns
   * whether the directory held enough for it
   */
  recover(host: Host): boolean {
    const before = host.disk.copy()
    const remains = remainsOf(before, AUTHORITY)
    const { chain } = host
    if (remains === undefined || !remains.state.members.has(host.id) || remains.state.charter.epoch !== epochOf(chain))
      return false
    const epoch = epochOf(chain) + 1
    const recovery: Recovery = {
      id: `${epoch} by ${host.id}, ${++this.#count}`,
      epoch,
      index: firstIndexOf(remains, chain.at(-1)?.index ?? 0),
      voter: host.id,
    }
    const { state, stored } = nextEpoch(
      remains,
      { ...recovery, certificate: `recovery-${epoch}-${host.id}-${this.#count}`, atMs: host.clock.wallMs(this.#life.nowMs) },
      AUTHORITY,
    )
    this.#life.say(() => `${host.key} is recovered: epoch ${recovery.id} begins at ${recovery.index}`)
    this.invariants.sawRecovery(host, before, stored)
    this.#life.watch.began(recovery.id, new Lineage(state, recovery.index))
    host.recovered(stored, [...chain, recovery])
    return true
  }

  #learn(host: Host, shown: Chain): 'later' | 'rival' | 'known' {
    const later = merged(host.chain, shown)
    this.invariants.sawShown(host, shown)
    if ('rival' in later) {
      const met = { rival: later.rival, chain: shown }
      this.#carryOut(host, this.#rulesOf(host).metRival(host.rival, met, this.#peersOf(host)))
      return 'rival'
    }
    if (later === host.chain) return 'known'
    this.#life.say(() => `${host.key} stands down to epoch ${later.at(-1)?.id ?? 1}`)
    host.believe(later)
    this.#carryOut(host, this.#rulesOf(host).began(this.#peersOf(host), host.localMs))
    return 'later'
  }

  #heard(host: Host, peer: PeerIdString, shown: Chain): void {
    const learned = this.#learn(host, shown)
    if (learned === 'rival') return
    const heard = { isLater: learned === 'later', isSame: shown.length === host.chain.length }
    this.#carryOut(host, this.#rulesOf(host).heard(peer, heard, host.localMs))
  }

  #carryOut(host: Host, effects: readonly EpochEffect<Chain>[]): void {
    const { mesh, watch, say } = this.#life
    for (const effect of effects) {
      if (effect.type === 'show') {
        const chain = effect.chain === 'own' ? host.chain : effect.chain
        mesh.send(host, effect.to, (other) => other.whenRunning(() => this.#heard(other, host.id, chain)))
      } else {
        watch.abandon(host)
        if (effect.type === 'stand-down') host.standDown()
        else {
          say(() => `${host.key} decides nothing any more: ${effect.rival} started its epoch, too`)
          host.halt(effect.rival)
        }
      }
    }
  }

  #peersOf(host: Host): PeerIdString[] {
    const { hosts, network } = this.#life.mesh
    return hosts.filter((other) => other !== host && network.isConnected(host.key, other.key)).map(({ id }) => id)
  }

  #rulesOf({ key, life }: Host): EpochRules<Chain> {
    const name = `${key} ${life}`
    const rules = this.#rules.get(name) ?? new EpochRules<Chain>()
    this.#rules.set(name, rules)
    return rules
  }
}
