#!/usr/bin/env bash
# `make bench`: builds what is compared, and compares it. See benches/table/src/main.rs for what can be told.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

tools/controlplane/build.sh >/dev/null
# The program that the images hold: static.
triple=$(rustc -vV | sed -n 's/^host: //p')
variable=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$triple")_RUSTFLAGS
env "$variable=-C target-feature=+crt-static" \
  cargo build --locked --profile image --target "$triple" --bin iot-operator
cargo build --locked --profile crash -p iot-bench
export BENCH_OPERATOR=${BENCH_OPERATOR:-$target/$triple/image/iot-operator}
if [ -z "${BENCH_OURS:-}" ]; then
  BENCH_REFERENCE=${BENCH_REFERENCE:-$(benches/reference/build.sh)}
  export BENCH_REFERENCE
fi
export BENCH_JSON=${BENCH_JSON:-$target/bench.json}
"$target/crash/iot-bench"
echo "figures: $BENCH_JSON"
