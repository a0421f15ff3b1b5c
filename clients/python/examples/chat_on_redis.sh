#!/bin/sh
# The chat of chat.py with its state in Redis, any Redis: no module is needed.
#
#     chat_on_redis.sh redis://127.0.0.1:6379/0 "Book a flight to Oslo" yes "What did I ask?"
#
# Only the service knows of the store; the agent is the same program. STATEWARD names the binary,
# LISTEN the address, PYTHON the interpreter that has stateward[langgraph].
set -eu
if [ $# -lt 2 ]; then
    echo "usage: ${0##*/} STORE_URL TEXT..." >&2
    exit 2
fi
here=$(dirname "$0")
listen=${LISTEN:-127.0.0.1:8080}
store=$1
shift

"${STATEWARD:-stateward}" serve --primary "$store" --listen "$listen" --drain-delay 0 --log-level warning &
service=$!
trap 'kill "$service"; wait "$service"' EXIT

# The client repeats what finds no service yet.
for text in "$@"; do
    "${PYTHON:-python3}" "$here/chat.py" --url "http://$listen" --thread "${THREAD:-chat}" "$text"
done
