import type { Entry, Message } from '@vsmcp/consensus'

/** One line about a message, for people. */
export function describeMessage(message: Message): string {
  const proof = message.proof === undefined ? '' : `, with proof of ${message.proof.candidate} in ${message.proof.term}`
  return `${message.type} term ${message.term}${detailsOf(message)}${proof}`
}

function detailsOf(message: Message): string {
  switch (message.type) {
    case 'preVote':
    case 'vote':
      return `, log ends ${message.lastIndex}/${message.lastTerm}${message.type === 'vote' && message.transfer ? ', by transfer' : ''}`
    case 'preVoteAnswer':
      return `: ${message.granted ? 'yes' : 'no'}, for ${message.campaign}`
    case 'voteAnswer':
      return `: ${message.granted ? 'yes' : 'no'}`
    case 'append':
      return ` after ${message.previousIndex}/${message.previousTerm}: [${message.entries.map(describeEntry).join(', ')}], commit ${message.commit}`
    case 'appendAnswer':
      return message.rejected
        ? `: no ${message.index}, try ${message.hintIndex}/${message.hintTerm}`
        : `: have up to ${message.index}`
    case 'heartbeat':
      return `, commit ${message.commit}, round ${message.round}`
    case 'heartbeatAnswer':
      return `, round ${message.round}`
    case 'snapshot':
      return ` ${message.snapshot.index}/${message.snapshot.term} of ${message.snapshot.configuration.voters.join(' ')}`
    default:
      return ''
  }
}

function describeEntry({ index, term, type }: Entry): string {
  return `${index}/${term} ${type}`
}
