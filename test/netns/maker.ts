/** Makes a network with a process in it, says what it made, and stays until it is killed. */
import { Network } from './namespaces.ts'

const network = await Network.create()
await network.addLan('lan')
await network.addHost('a')
await network.plug('a', 'lan', '10.77.0.1/24')
const { pid } = network.spawn('a', ['sleep', '1000'], { stdio: 'ignore', detached: true })
console.log(JSON.stringify({ prefix: network.namespaceOf(''), folder: network.folder, pid }))
setInterval(() => {}, 60_000)
