# Builds pinned Go programs into a cache outside the tree, once for each state of what they are made from.
# Sourced by the build.sh of each module beside it, which says what; needs bash with -euo pipefail.
#
# TOOLS_CACHE  the cache's folder; default ${XDG_CACHE_HOME:-$HOME/.cache}/iot-product-operator
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local

# Sets $bin to the folder of a module's programs, named after what they are made from, and locks it: a
# second caller waits here and then finds everything made.
go_cache() { # module's folder, name and version
  local key
  key=$(cd "$1" && find . -type f \( -name '*.go' -o -name 'go.*' -o -name build.sh \) -print0 | LC_ALL=C sort -z |
    xargs -0 cat "$tools/build-go.sh" | sha256sum | cut -c1-12)
  bin=${TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iot-product-operator}/$2-$key
  mkdir -p "$bin"
  exec 9>"$bin/.lock"
  flock 9
}

# Builds one program into $bin unless it is there.
go_build() { # module's folder, program, linker flags, package
  [ ! -x "$bin/$2" ] || return 0
  echo "building $2 (the first time takes minutes; kept in $bin)" >&2
  local begun=$SECONDS pid
  (cd "$1" && exec go build -trimpath -ldflags "$3" -o "$bin/.$2.new" "$4") >&2 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do kill -0 "$pid" 2>/dev/null && sleep 1 || break; done
    kill -0 "$pid" 2>/dev/null && echo "  … still building $2 ($((SECONDS - begun)) s)" >&2
  done
  wait "$pid"
  mv "$bin/.$2.new" "$bin/$2"
  echo "built $2 in $((SECONDS - begun)) s" >&2
}
