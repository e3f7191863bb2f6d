/** Bytes of one gossip message: small enough that a flood of them is a nuisance and not an outage; longer things go by stream. */
export const MESSAGE_BYTES_MAX = 8 * 1024

/** Version of the message form; another one is refused by name. */
export const MESSAGE_VERSION = 1

/** UTF-16 units of an alert's subject, as in the subject line of a mail. */
export const ALERT_SUBJECT_LENGTH_MAX = 160

/** UTF-16 units of an alert's text: what the docket takes. */
export const ALERT_TEXT_LENGTH_MAX = 500

/** Likewise in its copy on gossip, which versions before made longer. Six bytes each at worst in JSON, so that every alert fits into a message (asserted by a test). */
export const ALERT_COPY_TEXT_LENGTH_MAX = 1_000

/** UTF-16 units of an alert's id: 48 random bits in hex, and the UUIDs of versions before. */
export const ALERT_ID_LENGTH_MAX = 32

/** UTF-16 units of a capability's name: MCP allows tools 128; a resource is named by its URI. */
export const CAPABILITY_NAME_LENGTH_MAX = 512

/** Milliseconds: a report over more than a day is not a measurement of now. */
export const REPORT_WINDOW_MAX_MS = 86_400_000

/** Characters of a PeerId: an Ed25519 one has 52, the limit leaves room for other keys. */
export const PEER_ID_LENGTH_MAX = 128
