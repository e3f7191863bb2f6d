#!/bin/sh
# Entry of `npm start` and `npm test`: makes a fresh clone able to run, then hands over to Node 26.
# Needs only git's checkout and any Node >= 20 with npm. Installs nothing outside this folder and the caches of npm and pnpm.
set -eu

pnpm_version=12.21.0
node_major_min=20

say() { printf 'vsmcp: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

task="${1:-}"
case "$task" in
  start | test) shift ;;
  *) fail "usage: sh scripts/run.sh start|test [arguments]" ;;
esac

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"

case "$(uname -s)" in
  Linux | Darwin) ;;
  *) fail "this system is $(uname -s); VSMCP runs on Linux and macOS. On Windows use WSL: https://learn.microsoft.com/windows/wsl" ;;
esac

command -v node >/dev/null 2>&1 || fail "no Node.js found; install Node $node_major_min or newer, then run this again"
command -v npx >/dev/null 2>&1 || fail "Node is there but npx is not; install npm, then run this again"
node_major=$(node -p 'process.versions.node.split(".")[0]')
[ "$node_major" -ge "$node_major_min" ] || fail "Node $(node -v) is too old to install with; install Node $node_major_min or newer"

# Everything that decides what node_modules must hold, as one text; the copy kept beside the install says whether it still holds.
wanted() { cat pnpm-lock.yaml pnpm-workspace.yaml package.json packages/*/package.json; }
stamp=node_modules/.vsmcp-installed

if [ -e node_modules/.modules.yaml ] && [ -f "$stamp" ] && wanted | cmp -s - "$stamp"; then
  say "dependencies are up to date"
else
  say "installing dependencies with pnpm $pnpm_version (a first time takes about a minute)"
  started=$(date +%s)
  # --frozen-lockfile: the lockfile is read, never written. CI=true: no question is asked.
  CI=true npx -y "pnpm@$pnpm_version" install --frozen-lockfile --reporter=append-only >&2 ||
    fail "the dependencies could not be installed (see above); is the npm registry reachable?"
  wanted >"$stamp"
  say "installed in $(($(date +%s) - started)) s"
fi

# Node 26 comes with the dependencies for Linux x64 and arm64 and for macOS arm64; elsewhere the system's must do.
bin="$root/node_modules/.bin"
if "$bin/node" -e 0 >/dev/null 2>&1; then
  run_node="$bin/node"
else
  [ "$node_major" -ge 24 ] || fail "no bundled Node for $(uname -sm), and $(node -v) is older than 24; install Node 24 or newer"
  run_node=$(command -v node)
fi

PATH="$bin:$PATH"
TURBO_TELEMETRY_DISABLED=1
export PATH TURBO_TELEMETRY_DISABLED
# exec: no shell stays between the terminal and Node, so Ctrl-C and SIGTERM arrive.
exec "$run_node" "scripts/$task.ts" "$@"
