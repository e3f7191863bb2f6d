import { existsSync } from 'node:fs'

/**
 * Closes all but stdin, stdout and stderr. Node closes what it opened itself, but native code in the node (level's
 * files) and whoever started the node leave descriptors that children inherit: an attached server could write into the
 * node's database. Shells that know only descriptors of one digit (dash) close those.
 */
export const CLOSE_DESCRIPTORS = `
if (eval 'exec 10>&-') 2>/dev/null; then vsmcp_many=1; else vsmcp_many=; fi
for vsmcp_fd in /dev/fd/*; do
  vsmcp_fd=\${vsmcp_fd##*/}
  case "$vsmcp_fd" in
    [012]|*[!0-9]*) ;;
    [3-9]) eval "exec $vsmcp_fd>&-" ;;
    *) [ -z "$vsmcp_many" ] || eval "exec $vsmcp_fd>&-" ;;
  esac
done
`

/**
 * The shell that runs before a server does: bash where there is one (Debian's `sh` is dash, see above), as `sh`, so that
 * it reads no file named by the environment.
 */
export const LAUNCH_SHELL: { readonly file: string; readonly argv0: string } = {
  file: existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh',
  argv0: 'sh',
}
