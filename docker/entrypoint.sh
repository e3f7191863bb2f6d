#!/bin/sh
# Makes a container a node: `up` enrols it first when its data directory is new, everything else goes to vsmcp as it is.
#
#   VSMCP_MESH              this is the first node: make a mesh of that name
#   VSMCP_INVITATION_FILE   the first node leaves an invitation there; others wait for it and join by it
#   VSMCP_INVITATION_USES   how many nodes may use it (default 2), for an hour
#   VSMCP_JOIN_TOKEN        join by this token instead
#   VSMCP_DATA_DIR, VSMCP_NAME, VSMCP_LISTEN, VSMCP_ADVERTISE, VSMCP_HTTP, VSMCP_HTTP_TOKEN_FILE as for `vsmcp up`
set -eu
umask 077

vsmcp=${VSMCP_COMMAND:-vsmcp}
wait_s=${VSMCP_INVITATION_WAIT_S:-300}

say() { printf 'entrypoint: %s\n' "$*" >&2; }

[ "${1:-up}" = up ] || exec "$vsmcp" "$@"
[ $# -eq 0 ] || shift

: "${VSMCP_DATA_DIR:?is not set}"
invitation=${VSMCP_INVITATION_FILE:-}

# Behind anything but loopback the MCP endpoint wants a token; one is made, once, where none was given.
case "${VSMCP_HTTP:-127.0.0.1:4951}" in
  127.* | localhost:* | '[::1]:'*) ;;
  *)
    if [ -z "${VSMCP_HTTP_TOKEN_FILE:-}" ]; then
      VSMCP_HTTP_TOKEN_FILE="$(dirname "$VSMCP_DATA_DIR")/http-token"
      export VSMCP_HTTP_TOKEN_FILE
      if ! [ -s "$VSMCP_HTTP_TOKEN_FILE" ]; then
        od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$VSMCP_HTTP_TOKEN_FILE.new"
        mv "$VSMCP_HTTP_TOKEN_FILE.new" "$VSMCP_HTTP_TOKEN_FILE"
      fi
      say "MCP clients send the bearer token in $VSMCP_HTTP_TOKEN_FILE"
    fi
    ;;
esac

# Runs beside the node: waits until it leads or is led, then leaves an invitation, whole or not at all.
publish_invitation() {
  tries=0
  until "$vsmcp" wait --leader --timeout 10s >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { say "no invitation: the node did not come up"; return 1; }
    sleep 1
  done
  "$vsmcp" invite --uses "${VSMCP_INVITATION_USES:-2}" --ttl 1h >"$invitation.new" && mv "$invitation.new" "$invitation"
  say "an invitation is in $invitation"
}

if [ -e "$VSMCP_DATA_DIR/enrolment.json" ]; then
  say "this node is enrolled"
elif [ -n "${VSMCP_MESH:-}" ]; then
  "$vsmcp" init --name "$VSMCP_MESH"
elif [ -n "${VSMCP_JOIN_TOKEN:-}" ]; then
  "$vsmcp" join
elif [ -n "$invitation" ]; then
  say "waiting for an invitation in $invitation"
  waited=0
  until [ -s "$invitation" ]; do
    [ "$waited" -lt "$wait_s" ] || { say "no invitation came within $wait_s s"; exit 1; }
    sleep 1
    waited=$((waited + 1))
  done
  "$vsmcp" join --token-file "$invitation"
else
  say "this data directory belongs to no mesh: set VSMCP_MESH to make one, or VSMCP_JOIN_TOKEN to join one"
  exit 1
fi
# What let this node in is no business of the servers it will run.
unset VSMCP_JOIN_TOKEN

# Anew at each start: what a start before this one left may have expired.
if [ -n "${VSMCP_MESH:-}" ] && [ -n "$invitation" ]; then
  publish_invitation &
fi
exec "$vsmcp" up "$@"
