#!/usr/bin/env bash
# Usage: up.sh [WORDS…]. Starts all of Sago, and says in one line how: your own servers where .env or the environment
# name them, else containers where a Docker engine answers, else local processes. WORDS go to the command chosen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/where.sh

fill_env() (  # .env, from its example where there is none; passwords that are missing or empty are made; whole or not at all
  umask 077
  from=.env
  [ -e .env ] || from=.env.example
  {
    cat "$from"
    grep -q . <(tail -c 1 "$from") && echo  # a last line without its end
    for name in POSTGRES_PASSWORD REDIS_PASSWORD FLOWER_PASSWORD API_KEY; do
      grep -qE "^(export )?$name=" "$from" || echo "$name="
    done
  } | while IFS= read -r line; do
    case ${line#export } in
      POSTGRES_PASSWORD= | REDIS_PASSWORD= | FLOWER_PASSWORD= | API_KEY=)
        line+=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
        ;;
    esac
    printf '%s\n' "$line"
  done >.env.new
  if [ "$from" = .env ] && cmp -s .env .env.new; then rm .env.new && return; fi
  mv .env.new .env
  echo "up: made .env with new passwords (from $from, readable by you alone)"
)

if names_servers; then
  echo "up: .env or the environment name your own servers: local processes beside them"
elif engine_answers; then
  echo "up: a Docker engine answers: containers (docker compose up)"
  fill_env
  docker compose up --detach --build "$@"
  echo "up: API on $(published api 8000)/docs, tasks on $(published flower 5555) (user sago); key and password in .env"
  exit
else
  echo "up: no Docker engine answers: local processes (sago up)"
fi
make --silent setup
exec .venv/bin/sago up --servers auto "$@"
