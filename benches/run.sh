#!/usr/bin/env bash
# `make bench`: builds what is compared, and compares it. See benches/table/src/main.rs for what can be told.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

tools/controlplane/build.sh >/dev/null
cargo build --locked --release --bin iot-operator
cargo build --locked --profile crash -p iot-bench
export BENCH_OPERATOR=${BENCH_OPERATOR:-$target/release/iot-operator}
if [ -z "${BENCH_OURS:-}" ]; then
  BENCH_REFERENCE=${BENCH_REFERENCE:-$(benches/reference/build.sh)}
  export BENCH_REFERENCE
fi
export BENCH_JSON=${BENCH_JSON:-$target/bench.json}
"$target/crash/iot-bench"
echo "figures: $BENCH_JSON"
