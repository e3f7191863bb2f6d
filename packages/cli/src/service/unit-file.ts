import { SERVICE_FILES_MAX, SERVICE_RESTART_S, SERVICE_STOP_S } from '../constants.ts'

/** First line of every unit that this program wrote, and none that a person did. */
export const MARK = '# Written by "vsmcp service install"; change it with "systemctl edit", which leaves this file alone.'

export interface UnitInit {
  /** The command line of the node. */
  command: readonly string[]
  /** Absolute. */
  dataDir: string
  /** Where attached servers are looked up. */
  path: string
  /** Runs for one person, by that person's own systemd, which cannot set up a sandbox. */
  user: boolean
  /** Whose node it is, where the system's systemd runs it. */
  uid: number
  gid: number
}

/** Text of a systemd unit that runs a node. */
export function unitFile(init: UnitInit): string {
  const { command, dataDir, path, user } = init
  return [
    MARK,
    '[Unit]',
    `Description=VSMCP node in ${escapeSpecifiers(dataDir)}`,
    ...(user ? [] : ['Wants=network-online.target', 'After=network-online.target']),
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${command.map((word) => quote(word)).join(' ')}`,
    `Environment=${quote(`PATH=${path}`, false)}`,
    'Restart=on-failure',
    `RestartSec=${SERVICE_RESTART_S}`,
    '# A wrong command line or configuration does not get better by itself; who was thrown out stays out.',
    'RestartPreventExitStatus=2 4',
    '# The node alone is told to stop: it drains the calls and ends its servers. Whatever is left then is killed.',
    'KillMode=mixed',
    `TimeoutStopSec=${SERVICE_STOP_S}`,
    `LimitNOFILE=${SERVICE_FILES_MAX}`,
    'UMask=0077',
    'NoNewPrivileges=yes',
    ...(user ? [] : sandbox(init)),
    '',
    '[Install]',
    `WantedBy=${user ? 'default.target' : 'multi-user.target'}`,
    '',
  ].join('\n')
}

/** What the node and the servers it starts may not do. Servers may need devices and namespaces: those are left open. */
function sandbox({ dataDir, uid, gid }: UnitInit): string[] {
  const state = /^\/var\/lib\/([^/\s:]+(?:\/[^/\s:]+)*)$/.exec(dataDir)?.[1]
  const files =
    state === undefined
      ? ['ProtectSystem=full', `ReadWritePaths=${quote(dataDir, false)}`]
      : ['ProtectSystem=strict', `StateDirectory=${escapeSpecifiers(state)}`, 'StateDirectoryMode=0700']
  return [
    `User=${uid}`,
    `Group=${gid}`,
    ...files,
    'PrivateTmp=yes',
    'ProtectControlGroups=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'LockPersonality=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    'SystemCallArchitectures=native',
    'CapabilityBoundingSet=',
  ]
}

/** One word of a setting (systemd.syntax, systemd.service): quoted, and no specifier; in a command line no variable either. */
function quote(text: string, isCommand = true): string {
  const escaped = escapeSpecifiers(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return `"${isCommand ? escaped.replaceAll('$', '$$$$') : escaped}"`
}

const escapeSpecifiers = (text: string): string => text.replaceAll('%', '%%')
