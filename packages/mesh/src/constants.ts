import type { WireRange } from './contract.ts'

/** TCP port a node listens on unless told otherwise; unprivileged and free of a widely used service. */
export const DEFAULT_P2P_PORT = 4950

/** Every interface, both address families: a node is reached by whichever its peers have. */
export const DEFAULT_LISTEN: readonly string[] = [`/ip4/0.0.0.0/tcp/${DEFAULT_P2P_PORT}`, `/ip6/::/tcp/${DEFAULT_P2P_PORT}`]

/** Wire versions this code speaks. Raised with every change of frames or of the hello that old nodes cannot read. */
export const WIRE_RANGE: WireRange = { min: 1, max: 1 }

/** Feature level told to others; what it means is the charter's business. */
export const FEATURE_LEVEL = 1

// ── Protocols ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const HELLO_PROTOCOL = '/vsmcp/hello/1'
export const JOIN_PROTOCOL = '/vsmcp/join/1'
export const PLANE_PROTOCOLS = { control: '/vsmcp/control/1', state: '/vsmcp/state/1', rpc: '/vsmcp/rpc/1' } as const

/** What a connection carries before its hello; everything else is aborted, whatever libp2p adds in later versions. */
export const PROTOCOLS_FOR_STRANGERS: ReadonlySet<string> = new Set([HELLO_PROTOCOL, JOIN_PROTOCOL])

// ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of one frame, header and payload, without its length prefix. What one tool call may carry; asked of us. */
export const FRAME_LENGTH_MAX = 16 * 1024 * 1024

/** Bytes of a frame's msgpack header: a method, an error message and its hint fit; a flood of structure does not. */
export const HEADER_LENGTH_MAX = 8 * 1024

/** Bytes before a frame's header: u32 length of the rest, u16 length of the header. */
export const PREFIX_LENGTH = 6

/** Characters of a method's name. */
export const METHOD_LENGTH_MAX = 128

/** Characters of an error's message and of its hint on the wire; two of them in UTF-8 stay within `HEADER_LENGTH_MAX`. */
export const ERROR_TEXT_LENGTH_MAX = 1_024

/** Bytes of payload from which a request or an answer goes over the bulk stream, so that small frames never wait behind it. */
export const BULK_LENGTH_MIN = 64 * 1024

/** Bytes of a bulk frame handed to libp2p at a time: other streams get their turn in between. */
export const BULK_CHUNK_LENGTH = 64 * 1024

/** Bytes of small frames joined into one write: one encryption and one system call for all frames of a turn. */
export const COALESCE_LENGTH = 64 * 1024

/** Malformed frames on one connection until the connection itself is closed: a bug shows once, an attack goes on. */
export const OFFENCES_MAX = 3

// ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Requests in flight per peer, plane and direction: 32 clients' worth of tool calls at 128 each. */
export const IN_FLIGHT_MAX = 4_096

/** Bytes of requests being served per peer and plane: four of the largest frames. */
export const IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024

/** Bytes queued to one peer on one plane: four of the largest frames. */
export const SEND_QUEUE_BYTES_MAX = 64 * 1024 * 1024

/** Bytes a waiting frame is charged besides its own: a flood of tiny frames costs memory, too. */
export const FRAME_OVERHEAD = 256

/** Bytes of refusals and failures that may wait beyond `SEND_QUEUE_BYTES_MAX`; a peer that lets them pile up reads nothing. */
export const REPLY_SLACK_BYTES = 4 * 1024 * 1024

/** Milliseconds; no request lives longer, whatever its caller asks: tools that take an hour exist. */
export const DEADLINE_MAX_MS = 24 * 60 * 60 * 1000

/** Milliseconds between looks at the deadlines of all calls: one timer for thousands of calls, at this precision. */
export const DEADLINE_SWEEP_MS = 10

/** Answer frames of one call held back because an earlier one travels on the other stream. */
export const HELD_FRAMES_MAX = 64

// ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Connections in all. libp2p's default of 300 is below the groups that were asked for. */
export const CONNECTIONS_MAX = 1_024

/**
 * TCP connections the kernel holds until they are accepted. Node's default of 511 overflows in a flood, and then whoever
 * dials waits a second for its next SYN.
 */
export const LISTEN_BACKLOG = 4_096

/** Connections without a verified hello at any time; the oldest makes room, so that a flood cannot lock members out. */
export const STRANGERS_MAX = 128

/** Streams aborted on a connection before its hello, from which on it is closed. Honest peers open none; each costs a negotiation. */
export const STRANGER_STREAMS_MAX = 2

/** Connections that have not finished their noise handshake, or not yet asked for a WebSocket; the oldest makes room. */
export const HANDSHAKES_MAX = 256

/**
 * Inbound connections per second from one IPv4 address or one IPv6 /64. libp2p's default of 5 locks out nodes that share an
 * address (one host, one NAT) after a restart; a handshake costs about 2 ms, so one source can take a fifth of a core at most.
 */
export const INBOUND_PER_SECOND_PER_IP = 100

/** Milliseconds for tcp, noise and yamux of an inbound connection. */
export const UPGRADE_TIMEOUT_MS = 5_000

/** Bytes of the HTTP request that asks for a WebSocket, headers and all: ours has 200, proxies add some. */
export const REQUEST_LENGTH_MAX = 8 * 1024

/** Bytes of one WebSocket message that this node sends. */
export const WEBSOCKET_MESSAGE_LENGTH = 256 * 1024

/** Bytes of one WebSocket message that is read; it is held whole before anybody has proved who he is. */
export const WEBSOCKET_MESSAGE_LENGTH_MAX = 512 * 1024

/** Bytes handed to a WebSocket and not yet to the system, from which on nothing more is handed to it. */
export const WEBSOCKET_BUFFERED_MAX = 1024 * 1024

/** Milliseconds until a connection must have a verified hello (or be in a join). */
export const HELLO_TIMEOUT_MS = 5_000

/** Milliseconds per address when dialling, hello included. */
export const DIAL_TIMEOUT_MS = 5_000

/** Bytes of one hello message: a credential and a few hundred links. */
export const HELLO_LENGTH_MAX = 256 * 1024

/** Milliseconds an old connection of the same identity has to prove that its process lives when a new process says hello. */
export const DUPLICATE_PROBE_MS = 500

/** Milliseconds the gossip of a new peer may take until the peer is reported up all the same. */
export const GOSSIP_READY_TIMEOUT_MS = 2_000

/** Milliseconds without traffic until a second connection to the same peer, made at the same moment, is closed. */
export const RETIRE_QUIET_MS = 250

/** Milliseconds after which it is closed in any case. */
export const RETIRE_MAX_MS = 5_000

/** Milliseconds for an orderly close until the connection is aborted. */
export const CLOSE_TIMEOUT_MS = 500

/** Milliseconds of silence until a connection is given up. */
export const SILENCE_MS = 10_000

/** Pings per silence limit: one lost in a stall does not matter. */
export const PINGS_PER_SILENCE = 4

/** Milliseconds between yamux's own measurements of the round trip. */
export const MUXER_PING_MS = 60_000

/** Streams of one plane per connection and direction: calls, bulk, notices, and room to replace each. */
export const PLANE_STREAMS_MAX = 8

/** Streams per connection and direction over all protocols: 3 planes, 3 gossipsub versions, identify, hello, join. */
export const CONNECTION_STREAMS_MAX = 64

// ── Relays ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Members through which a node lets itself be reached: one may die, and another be unknown to the other side. */
export const RELAYS_MAX = 3

/** Relayed connections between this node and one other, each way; they are streams of the connection between the two. */
export const RELAY_STREAMS_MAX = 32

/** Members that a node lets itself be used by: all it can be connected with. */
export const RELAY_RESERVATIONS_MAX = CONNECTIONS_MAX

/** Milliseconds for a relay to bring two members together. */
export const RELAY_HOP_TIMEOUT_MS = 5_000

/** Milliseconds per relay when dialling: a relay that has no way there says so at once. */
export const RELAY_DIAL_TIMEOUT_MS = 3_000

/** Milliseconds from a relayed connection to the first look for a direct way; both sides look, at different moments. */
export const DIRECT_RETRY_FIRST_MS = 1_000

/** Milliseconds between such looks: a change of network is noticed within minutes, and a dial into nothing costs little. */
export const DIRECT_RETRY_MS = 60_000

/** First of the local ports from which a node dials when two NATs are to be crossed; IANA's dynamic ports. */
export const PUNCH_PORT_FIRST = 49_152

/** So many ports follow it; each process takes one by chance. */
export const PUNCH_PORTS = 16_384

/** Addresses that members see this node come from, of which the other side of a NAT is told: one each for IPv4 and IPv6, and a change of both. */
export const SEEN_FROM_MAX = 4

/** Addresses of a peer that are tried in one such look. */
export const DIRECT_ADDRESSES_MAX = 8

// ── Local discovery ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Milliseconds between questions on the local network; also the longest until a new interface is noticed. */
export const LOCAL_QUERY_MS = 10_000

/** Milliseconds between two answers on one interface, whoever asks. */
export const LOCAL_ANSWER_MS = 1_000

/** Addresses of one peer that are said, and that are read of what others say. */
export const FOUND_ADDRESSES_MAX = 8

/** Answers of others that are read in a second; what is beyond is found with the next question. */
export const FOUND_PER_SECOND = 64

// ── Join ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of one message of a join: a passport with a full chain of voters fits. */
export const JOIN_LENGTH_MAX = 256 * 1024

/** Messages each way. */
export const JOIN_ROUNDS_MAX = 8

/** Milliseconds for a whole join: a redemption is an entry of the docket and waits for a quorum. */
export const JOIN_TIMEOUT_MS = 30_000

/** Joins served at a time. */
export const JOINS_MAX = 16

// ── Gossip ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of one gossip message: gossipsub has no back-pressure, so what is larger goes by stream. */
export const GOSSIP_LENGTH_MAX = 64 * 1024

/** Characters of a topic. */
export const TOPIC_LENGTH_MAX = 256

/** Topics this node subscribes to at most. */
export const TOPICS_MAX = 512

/** Bytes gossipsub may book for one peer's topics; it charges 1 KiB and the name for each. */
export const TOPIC_BYTES_PER_PEER = TOPICS_MAX * (1_024 + TOPIC_LENGTH_MAX)

/** Bytes of one gossipsub RPC: an answer to IWANT carries many messages at once. */
export const GOSSIP_RPC_LENGTH_MAX = 4 * 1024 * 1024

/** Bytes waiting for a peer that does not read its gossip; beyond it the stream is dropped and opened anew. */
export const GOSSIP_QUEUE_BYTES_MAX = 8 * 1024 * 1024

/** Every node subscribes to it, so that the arrival of subscriptions tells that a peer's gossip stands. */
export const GOSSIP_PRESENCE_TOPIC = 'vsmcp/presence'
