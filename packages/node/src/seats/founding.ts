import { randomBytes } from 'node:crypto'
import { bootstrap, encodeGroupState, foundGroup } from '@vsmcp/consensus'
import { type Clock, type GroupId, InvalidArgumentError, type Logger, messageOf, UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import {
  childCharter,
  combineCredential,
  credentialPayload,
  type GrantedCharter,
  type Identity,
  orThrow,
  signCredential,
  verifyChain,
} from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { readCharter } from '@vsmcp/consensus'
import { z } from 'zod'
import { dataDirectory, makeDataDirectory, readIfThere, removeIfThere, writeWhole } from '../enrol/data-directory.ts'
import { readEnrolment, writeEnrolment } from '../enrol/enrolment.ts'
import { RefusedError } from '../errors.ts'
import { sha256Hex } from '../sha256.ts'
import type { Membership } from '../recursion/memberships.ts'
import { removeSeat, seatDirectory, seatsIn } from './seat-directory.ts'

/** Bytes of the random part of a group's first charter, which makes it another one than any before. */
const NONCE_BYTES = 32

const schema = z.object({ parent: z.string(), name: z.string(), charter: z.base64() })

export interface FoundingComponents {
  dataDir: string
  identity: Identity
  clock: Clock
  logger: Logger
}

/**
 * Founds a group below one that this node is a member of: what the group begins with is written down, entered into the docket above,
 * granted by the voters there, and then this node is its first member and voter. Whatever cuts it off, asked again it goes on where it was.
 */
export class Founding {
  readonly #c: FoundingComponents

  constructor(components: FoundingComponents) {
    this.#c = components
  }

  /** Throws `RefusedError` for what the parent's docket refuses, `GroupGrantSignaturesError` while too few of its voters can be reached. @returns the group's id */
  async found(name: string, parent: Membership): Promise<GroupId> {
    if (!UNIT_NAME_PATTERN.test(name)) {
      throw new InvalidArgumentError(`"${name}" cannot be a group's name`, {
        hint: 'Use up to 24 of a-z, 0-9 and "-", beginning with a letter or digit.',
      })
    }
    const group = (await this.#begun(name, parent)) ?? (await this.#begin(name, parent))
    const charter = await this.#charterOf(group)
    try {
      await this.#enter(group, name, charter.digest, parent)
    } catch (error) {
      // What the docket would not have is nothing to go on with.
      if (error instanceof RefusedError) await removeSeat(this.#c.dataDir, group)
      throw error
    }
    await this.#enrol(group, await parent.parts.granting.grant(charter.bytes), parent)
    return group
  }

  /** One of this name that was cut off. */
  async #begun(name: string, { group: parent }: Membership): Promise<GroupId | undefined> {
    const { dataDir, logger } = this.#c
    for (const group of await seatsIn(dataDir)) {
      try {
        const text = await readIfThere(dataDirectory(seatDirectory(dataDir, group)).founding)
        const begun = text === undefined ? undefined : schema.parse(JSON.parse(text))
        if (begun?.name === name && begun.parent === parent) return group
      } catch (error) {
        logger.warn({ group, error: messageOf(error) }, 'the beginning of a group cannot be read, and is passed over')
      }
    }
    return undefined
  }

  async #begin(name: string, { group: parent, parts }: Membership): Promise<GroupId> {
    const { dataDir, identity } = this.#c
    // Also where this node was let in a moment ago, and holds no copy yet.
    const { charter } = await parts.decisions.current()
    const { groupId, bytes } = childCharter({
      parent: parts.trust.chain,
      parentCharter: charter,
      name,
      founder: identity.peerId,
      nonce: new Uint8Array(randomBytes(NONCE_BYTES)),
    })
    const dir = seatDirectory(dataDir, groupId)
    await makeDataDirectory(dir)
    const begun: z.input<typeof schema> = { parent, name, charter: Buffer.from(bytes).toString('base64') }
    await writeWhole(dataDirectory(dir).founding, JSON.stringify(begun))
    return groupId
  }

  async #charterOf(group: GroupId): Promise<{ bytes: Uint8Array; digest: string }> {
    const file = dataDirectory(seatDirectory(this.#c.dataDir, group)).founding
    const bytes = new Uint8Array(Buffer.from(schema.parse(JSON.parse((await readIfThere(file)) ?? '')).charter, 'base64'))
    return { bytes, digest: sha256Hex(bytes) }
  }

  async #enter(id: GroupId, name: string, charterDigest: string, { parts }: Membership): Promise<void> {
    await parts.decisions.decide({ op: 'group:create', id, name, charterDigest })
  }

  /** The founder is the only voter, so its own signature is the majority under its credential. The enrolment is written last. */
  async #enrol(group: GroupId, granted: GrantedCharter, { parts }: Membership): Promise<void> {
    const { dataDir, identity, clock, logger } = this.#c
    const dir = seatDirectory(dataDir, group)
    const { meshId, meshName, name } = parts.trust.enrolment
    const charter = readCharter(JSON.parse(Buffer.from(granted.charter).toString('utf8')))
    const chain = orThrow(verifyChain({ meshId, firstCharter: granted, links: [] }))
    if ((await readEnrolment(dir)) === undefined) {
      const store = await openStore({ dir })({ clock, logger })
      try {
        const member = { name, role: 'member', zone: '', addresses: [], joinedAtMs: Math.round(clock.wallMs()) } as const
        const state = foundGroup(charter, { peer: identity.peerId, ...member })
        await store.raft.save({ ...bootstrap({ voters: [identity.peerId] }, encodeGroupState(state)), mustSync: true })
      } finally {
        await store.stop()
      }
      const payload = credentialPayload({
        mesh: meshId,
        group,
        sub: identity.peerId,
        name,
        zone: '',
        role: 'member',
        jti: `founder-${identity.peerId.slice(-16)}`,
        voterIndex: chain.index,
        issuedAtMs: clock.wallMs(),
      })
      const credential = await combineCredential(payload, [await signCredential(identity, payload)], chain.voters)
      await writeEnrolment(dir, {
        meshId,
        meshName,
        groupId: group,
        path: charter.path,
        name,
        role: 'member',
        left: false,
        credential,
        chain,
        peers: [],
      })
    }
    await removeIfThere(dataDirectory(dir).founding)
  }
}
