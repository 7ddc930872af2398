#!/usr/bin/env bash
# Counts the instructions of what a visit and a sweep are made of (benches/micro) with callgrind, and compares them with
# benches/micro/instructions.txt: they hardly differ from machine to machine, so a change that costs more is seen.
# Installs valgrind where it can. `--update` writes them down, `--hindrance` says what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
known=benches/micro/instructions.txt
margin=15 # per cent; how hashes and copies are done differs between processors

if ! command -v valgrind >/dev/null; then
  { apt-get install --yes valgrind || { apt-get update && apt-get install --yes valgrind; }; } >/dev/null 2>&1 ||
    { echo "valgrind is missing"; exit 1; }
fi
if [ "${1:-}" = --hindrance ]; then
  exit 0
fi

# The profile of the fault matrix: symbols, and no minutes of linking.
program=$(cargo bench --locked --profile crash --bench micro --no-run --message-format=json |
  sed -n 's/.*"name":"micro".*"executable":"\([^"]*\)".*/\1/p')
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
"$program" --names | while read -r name; do
  said=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
    --toggle-collect='micro::counted*' "$program" --once "$name" 2>&1 >/dev/null)
  count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<<"$said")
  [ "${count:-0}" -gt 0 ] || { echo "$said" >&2; exit 1; }
  printf '%s: %s\n' "$name" "$count"
done >"$counts"

if [ "${1:-}" = --update ]; then
  cp "$counts" "$known"
fi
awk -F': ' -v margin=$margin '
  NR == FNR { before[$1] = $2; next }
  { worse = !($1 in before) || $2 > before[$1] * (1 + margin / 100)
    printf "%-36s %12d %12d %s\n", $1, $2, before[$1], worse ? "MORE" : ""
    bad += worse }
  END { if (bad) { print "more than " margin " % above what is known: see to it, or benches/instructions.sh --update"; exit 1 } }
' "$known" "$counts"
