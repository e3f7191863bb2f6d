import { copyFile } from 'node:fs/promises'
import { it } from 'vitest'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import { emptyDirectory } from './support/group.ts'
import { eventually, founded, joined, operatorAt } from './support/nodes.ts'
import { why } from './support/operator.ts'

it('who was evicted by a group above is not let in below, whoever invites it', async () => {
  const rootDir = await emptyDirectory()
  const a = await founded('a', rootDir)
  await a.control.createGroup({ path: 'eu' })
  const [b, stray] = [await joined(a, 'b', '/eu'), await joined(a, 'x')]
  const { dataDir: strayDir } = (await stray.control.status()).node
  const { peerId } = stray.ready
  const { untilMs, joinedAtIndex } = await a.control.draftEviction(peerId)
  const operator = await operatorAt(a, rootDir)
  await a.control.evict(operator.sign({ op: 'member:evict', peer: peerId, joinedAtIndex, untilMs, ...why } as const))

  const join = async (): Promise<string> => {
    // Who was let in before the word of the group above came has a place of its own, too.
    const newDir = await emptyDirectory()
    await copyFile(dataDirectory(strayDir).identity, dataDirectory(newDir).identity)
    const { token } = await b.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1 })
    return joinMesh({ dataDir: newDir, token, name: 'x', timeoutMs: 5_000 }).then(() => 'let in', String)
  }
  await eventually(join).toContain('was evicted by the group root, whose word counts here')
})
