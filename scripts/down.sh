#!/usr/bin/env bash
# Usage: down.sh [WORDS…]. Stops what up.sh has started, containers or local processes; data stays.
# WORDS go to the command: `down.sh --volumes` deletes the containers' data too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/where.sh

# --all: what has ended is still theirs.
if engine_answers && [ -e .env ] && [ -n "$(docker compose ps --all --quiet)" ]; then
  echo "down: containers (docker compose down)"
  exec docker compose down "$@"
fi
echo "down: local processes (sago down)"
make --silent setup
exec .venv/bin/sago down "$@"
