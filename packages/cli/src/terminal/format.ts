/** `950 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} d`
}

/** A measured latency: `0.42 ms`, `12 ms`, `1.3 s`. */
export function formatLatency(ms: number | null): string {
  if (ms === null) return '-'
  if (ms < 10) return `${ms.toFixed(2)} ms`
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

/** How long ago an ISO time was, or how far ahead it is. */
export function formatAgo(iso: string, nowMs: number): string {
  const ms = nowMs - Date.parse(iso)
  if (Number.isNaN(ms)) return iso
  return ms >= 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  for (; value >= 1_024 && unit < units.length - 1; unit++) value /= 1_024
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** `1 tool`, `2 tools`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

/** The end of a peer id, which is what differs at a glance. */
export function shortPeer(peerId: string): string {
  return peerId.length > 12 ? `…${peerId.slice(-8)}` : peerId
}

/** A rate in calls per second, three figures of it: `0.25/s`, `12.0/s`, `1.2k/s`. */
export function formatRate(perS: number | null): string {
  if (perS === null) return '-'
  if (perS >= 999.5) return `${(perS / 1_000).toPrecision(3)}k/s`
  return `${perS === 0 ? '0' : perS.toPrecision(3)}/s`
}

/** A share as a percentage: `7 %`. */
export function formatShare(share: number | null): string {
  return share === null ? '-' : `${Math.round(share * 100)} %`
}
