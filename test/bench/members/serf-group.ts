import { freePort } from '../lib/free-port.ts'
import { type Group, GROUP, settled } from './group.ts'
import { SerfAgent } from './serf-agent.ts'

/** Agents that are up and know nobody. */
export async function startSerfAgents(command: string): Promise<SerfAgent[]> {
  const agents: SerfAgent[] = []
  for (let at = 0; at < GROUP; at++) agents.push(new SerfAgent(command, `serf-${at}`, await freePort(), await freePort()))
  try {
    await Promise.all(agents.map((agent) => agent.ready()))
    return agents
  } catch (error) {
    await Promise.all(agents.map((agent) => agent.end()))
    throw error
  }
}

export function serfGroup(agents: readonly SerfAgent[]): Group {
  const at = (member: number): SerfAgent => {
    const agent = agents[member]
    if (agent === undefined) throw new Error(`there is no agent ${member}`)
    return agent
  }
  return {
    view: (member) => at(member).members(),
    nameOf: (member) => at(member).name,
    kill: (member) => at(member).kill(),
    async revive(member) {
      await at(member).restart()
      await at(member).join(at(member === 0 ? 1 : 0).address)
    },
    verdicts: async () => agents.flatMap(({ verdicts }) => verdicts),
    stop: async () => void (await Promise.all(agents.map((agent) => agent.end()))),
  }
}

/** Eight agents with Serf's defaults, joined. */
export async function startSerfGroup(command: string): Promise<Group> {
  const agents = await startSerfAgents(command)
  const group = serfGroup(agents)
  try {
    await Promise.all(agents.slice(1).map((agent) => agent.join(agents[0]?.address ?? '')))
    await settled(group)
    return group
  } catch (error) {
    await group.stop()
    throw error
  }
}
