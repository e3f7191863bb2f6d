import { expect, test } from 'vitest'
import { chainRoomProblems } from '../src/control/chain-room.ts'

test('status asks for an anchor once the chain of voters is three quarters full, and says when voters stay as they are', () => {
  expect(chainRoomProblems(191)).toEqual([])
  const [early] = chainRoomProblems(192)
  expect(early).toMatch(/192 of 256 links; from 240 on the voters stay as they are: .*`vsmcp key anchor --mesh-key FILE`/)
  const [late] = chainRoomProblems(240)
  expect(late).toMatch(/240 of 256 links; a dead voter is replaced no more.*`vsmcp key anchor/)
})
