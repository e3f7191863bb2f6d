# Removes what a network of namespaces made, whatever becomes of the process that made it: it sits in a session of its own
# and holds the reading end of a pipe, which closes when the maker ends, by SIGKILL too.
# $1: prefix of the namespaces' names   $2: folder to remove
set -u
prefix=$1
folder=$2

ours() { ip netns list | while read -r name _; do case "$name" in "$prefix"*) echo "$name" ;; esac; done; }

sweep() {
  for name in $(ours); do
    # A process that is killed may just have started another.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      pids=$(ip netns pids "$name" 2>/dev/null)
      [ -n "$pids" ] || break
      # shellcheck disable=SC2086 -- one argument for each pid
      kill -KILL $pids 2>/dev/null
      sleep 0.05
    done
    # With the namespace go its links, addresses, routes and rules.
    ip netns del "$name" 2>/dev/null
  done
  rm -rf "$folder"
}

if read -r word && [ "$word" = close ]; then
  sweep
else
  # The maker died: an `ip` of its last moment may still be at work.
  sweep
  sleep 1
  sweep
fi
[ -z "$(ours)" ]
