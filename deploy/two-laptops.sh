#!/bin/sh
# One run on two laptops. On the first:
#
#   sh deploy/two-laptops.sh                               the reference server here, its clients on the other laptop
#   sh deploy/two-laptops.sh --set clients.count=500       the same, with options of `c2m run`
#   sh deploy/two-laptops.sh my.yaml --out runs/mine       a scenario of yours
#
# It starts nats-server, prints what to type on the other laptop, waits for that, and runs. All that it has started ends
# with it, and so does the password, which is made anew each time. Exit status: that of the run.
#
# C2M_ADDRESS       address of this laptop for the other one, where the one that is found is not the right one
# C2M_NATS_PORT     4222, and C2M_SERVER_PORT 4000: other ports
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
c2m="$here/dist/cli/c2m.js"
nats_port=${C2M_NATS_PORT:-4222}
server_port=${C2M_SERVER_PORT:-4000}
PATH=$PATH:/usr/sbin:/usr/local/sbin

fail() {
  echo "$1" >&2
  exit 2
}

[ -f "$c2m" ] || fail "the lab is not built yet; run: npm ci"
command -v nats-server > /dev/null ||
  fail "there is no nats-server here; install it (Debian: sudo apt-get install nats-server; macOS: brew install nats-server)"
case ${1:-} in
  '' | -*) is_ours=yes ;;
  *)
    is_ours=no
    [ -r "$1" ] || fail "there is no scenario $1"
    ;;
esac

# The address that packets to elsewhere leave from, if there is one; nothing is sent.
address_of_this_laptop() {
  if command -v ip > /dev/null; then
    ip -4 route get 192.0.2.1 2> /dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p'
  else
    ipconfig getifaddr en0 || ipconfig getifaddr en1 || true
  fi
}

secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

address=${C2M_ADDRESS:-}
if [ -z "$address" ]; then address=$(address_of_this_laptop); fi
[ -n "$address" ] || fail "the address of this laptop is not known; say it: C2M_ADDRESS=192.168.1.10 sh deploy/two-laptops.sh"

folder=$(mktemp -d)
started=
# shellcheck disable=SC2317  # called by the trap
end() {
  # shellcheck disable=SC2086  # process ids, one word each
  [ -z "$started" ] || kill $started 2> /dev/null || true
  wait
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# Waits until a file of a process holds a text: wait_for TEXT FILE PID.
wait_for() {
  until grep -q "$1" "$2" 2> /dev/null; do
    if ! kill -0 "$3" 2> /dev/null; then
      cat "$2" >&2
      fail "it ended before it was ready; what it said is above"
    fi
    sleep 1
  done
}

password=p$(secret)
cat > "$folder/nats.conf" << END
listen: "0.0.0.0:$nats_port"
authorization { user: c2m, password: $password }
END
nats-server --config "$folder/nats.conf" > "$folder/nats.log" 2>&1 &
nats=$!
started="$started $nats"
wait_for 'Server is ready' "$folder/nats.log" "$nats"

if [ "$is_ours" = yes ]; then
  token=$(secret)
  cat > "$folder/server.yaml" << END
listen: ["tcp://0.0.0.0:$server_port"]
store: memory
admin: null
token: $token
END
  cat > "$folder/two-laptops.yaml" << END
name: two-laptops
target: { addresses: ["tcp://$address:$server_port"], allow: ["$address"], token: $token }
clients: { count: 5000, connectRate: 1000/s }
phases:
  - { name: talk, duration: 10s, rate: 1000/s }
gates:
  - connections.peak >= 5000
  - messages.lost == 0
  - messages.duplicated == 0
END
  node "$c2m" serve --config "$folder/server.yaml" > "$folder/server.log" 2>&1 &
  server=$!
  started="$started $server"
  wait_for listening "$folder/server.log" "$server"
  set -- "$folder/two-laptops.yaml" "$@"
  allow=$address
else
  allow="HOST OF YOUR TARGET"
fi

# Not on a command line, which everybody on a machine can read.
export C2M_NATS="nats://127.0.0.1:$nats_port" C2M_NATS_USER=c2m C2M_NATS_PASSWORD="$password"
cat << END
On the other laptop, in a folder with the same version of the lab, type:

    C2M_NATS_PASSWORD=$password npx c2m agent --nats nats://$address:$nats_port --nats-user c2m --allow $allow

The run begins as soon as it is there. On that laptop, Ctrl-C ends the agent.

END
status=0
node "$c2m" run "$@" --agents "$C2M_NATS" --set agents.wait=10m || status=$?
exit "$status"
