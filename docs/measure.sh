#!/bin/sh
# Makes the records of the guide and the cookbook again, whose figures their pages show:
#
#   sh docs/measure.sh              # all of them, about ten minutes; come-back and far need root, far nats-server
#   sh docs/measure.sh limit leak   # some of them
#   UPDATE_DOCS=1 npx vitest run test/docs/figures.test.ts    # then put the figures into the pages
#
# Nothing else should run on the machine meanwhile.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
work=$(mktemp -d)
programs=
trap 'kill $programs 2> /dev/null || true; rm -rf "$work"' EXIT

# A gate that fails is a result as well.
c2m() { node "$root/dist/cli/c2m.js" "$@" || [ $? -eq 99 ]; }

# What a report is made from, and no more: keep FROM TO
keep() {
  mkdir -p "$2"
  for file in timeline.ndjson latency.hlog; do cp "$1/$file" "$2/$file"; done
  node -e 'const fs = require("fs");
    const [from, to] = process.argv.slice(1);
    fs.writeFileSync(to, JSON.stringify(JSON.parse(fs.readFileSync(from, "utf8"))) + "\n");' \
    "$1/run.json" "$2/run.json"
}

# The file that a page of the guide shows under that name, the last one: shown PAGE FILE
shown() {
  awk -v start="^\`\`\`[a-z]* $2\$" '
    $0 ~ start { on = 1; text = ""; next }
    /^```$/ { on = 0 }
    on { text = text $0 "\n" }
    END { printf "%s", text }' "$root/docs/guide/$1.md"
}

# Runs a program until this script ends: background LOG WORD PROGRAM...
background() {
  log=$1
  word=$2
  shift 2
  : > "$log"
  "$@" > "$log" 2>&1 &
  programs="$programs $!"
  until grep -qi "$word" "$log"; do sleep 0.1; done
}

# In a folder of its own, as a reader does, so that the record tells no path of this machine.
guide() {
  name=$1
  shift
  (cd "$work" && c2m run "$@" --out "$name" --quiet)
  keep "$work/$name" "docs/guide/records/$name"
}

cookbook() {
  c2m run "docs/cookbook/$1.yaml" --out "$work/$1" --quiet
  if [ -f "$work/$1/run.json" ]; then keep "$work/$1" "docs/cookbook/records/$1"; fi
  for run in "$work/$1"/*/001; do
    if [ -d "$run" ]; then keep "$run" "docs/cookbook/records/$1/$(basename "$(dirname "$run")")"; fi
  done
}

# In a network of its own, which has the address of the page.
far() {
  if [ -z "${IS_IN_NETWORK:-}" ]; then
    IS_IN_NETWORK=yes unshare --net sh docs/measure.sh far
    return
  fi
  ip link set lo up
  ip address add 192.168.1.10/32 dev lo
  shown 07-two-machines nats.conf > "$work/nats.conf"
  shown 07-two-machines far.yaml > "$work/far.yaml"
  echo sixteen-letters-or-more > "$work/token.txt"
  export C2M_NATS_USER=c2m C2M_NATS_PASSWORD=correct-horse-battery
  background "$work/nats.log" ready nats-server --config "$work/nats.conf"
  background "$work/serve.log" listening node dist/cli/c2m.js serve --listen tcp://192.168.1.10:4000 \
    --token-file "$work/token.txt" --store memory --admin off
  background "$work/agent.log" lends node dist/cli/c2m.js agent --nats nats://192.168.1.10:4222 \
    --allow 192.168.1.10
  guide far far.yaml --agents nats://192.168.1.10:4222
}

measure() {
  case $1 in
  quickstart) guide quickstart quickstart ;;
  lunch)
    shown 03-a-scenario lunch.yaml > "$work/lunch.yaml"
    guide lunch lunch.yaml
    ;;
  chat-server)
    shown 05-your-websocket-server chat.yaml > "$work/chat.yaml"
    background "$work/chat-server.log" listening node examples/json-chat/server.js 8080
    guide chat-server chat.yaml
    ;;
  far) far ;;
  my-change)
    c2m run docs/cookbook/my-change.yaml --out "$work/before" --quiet
    c2m run docs/cookbook/my-change.yaml --out "$work/after" --quiet --set target.embedded.settings.coalesceMs=5
    keep "$work/before" docs/cookbook/records/my-change/before
    keep "$work/after" docs/cookbook/records/my-change/after
    ;;
  *) cookbook "$1" ;;
  esac
}

if [ $# -eq 0 ]; then
  set -- quickstart lunch chat-server far my-change tls websocket come-back durability crash groups slow-readers \
    backlog leak reload limit
fi
for name in "$@"; do
  echo "$name"
  measure "$name"
done
