# Read by up.sh and down.sh: where Sago runs.

engine_answers() {  # and knows `docker compose`
  docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1
}

names_servers() {  # an address in the environment or in .env takes Sago out of the embedded mode
  local name
  for name in SAGO_KAFKA__BOOTSTRAP_SERVERS SAGO_REDIS__URL SAGO_POSTGRES__HOST POSTGRES_HOST; do
    if [ -n "${!name:-}" ] || grep -qsE "^(export )?$name=." .env; then return 0; fi
  done
  return 1
}

published() {  # SERVICE PORT: the address on this machine
  echo "http://$(docker compose port "$1" "$2")"
}
