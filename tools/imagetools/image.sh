#!/usr/bin/env bash
# Makes the images of iot-operator and iot-simulator as OCI archives, with their lists of parts (CycloneDX),
# in dist/ or the folder that is given: static programs on nothing, without a container daemon, and the same to
# the byte for the same commit, whatever the folder and the machine. Run by `make image`, which builds the
# cargo commands it needs.
#
# IMAGE_PREFIX       first part of the images' names; default localhost
# IMAGE_PROFILE      profile of cargo; default image. Others make the same archives of larger programs, sooner
# SOURCE_DATE_EPOCH  the date of everything; default that of the commit
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
dist=$(mkdir -p "${1:-dist}" && cd "${1:-dist}" && pwd)
tools=$("$here/build.sh")
target=x86_64-unknown-linux-gnu
profile=${IMAGE_PROFILE:-image}
build=${CARGO_TARGET_DIR:-$root/target}/image
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD)
[ -z "$(git status --porcelain)" ] || revision=$revision-dirty
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
# Of an image, unpacked.
largest=$((15 * 1024 * 1024))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# No path of this machine in a program: not of the tree, of the crates (whose folder is named after the
# registry's address), or of the compiler.
cargo fetch --locked --target "$target"
home=${CARGO_HOME:-$HOME/.cargo}
maps=("$root=/build" "$(rustc --print sysroot)=/rust")
for registry in "$home"/registry/src/*/; do
  maps+=("${registry%/}=/crates")
done
rust="-C target-feature=+crt-static"
c=""
for map in "${maps[@]}"; do
  rust+=" --remap-path-prefix=$map"
  c+=" -ffile-prefix-map=$map"
done

# The flags are of the target alone: build scripts and macros run here and stay dynamic.
env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS \
  CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$rust" CFLAGS_x86_64_unknown_linux_gnu="$c" \
  CARGO_TARGET_DIR="$build" CARGO_INCREMENTAL=0 \
  cargo auditable build --locked --profile "$profile" --target "$target" --workspace --bins

# One list of parts for each program, which are written beside each package's Cargo.toml.
cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --target "$target" --no-build-deps
mkdir "$work/parts"
find . -name '*.cdx.json' -not -path './target/*' -not -path "./dist/*" -exec mv -t "$work/parts" {} +
parts_of() { # program
  echo "$work/parts/${1}_bin.cdx.json"
}

image() { # program, what it is, further arguments of umoci config
  local program=$1 title=$2 name size
  shift 2
  name=${IMAGE_PREFIX:-localhost}/$program:$version
  local files=$work/$program layout=$work/$program.oci
  install -D -m 755 "$build/$target/$profile/$program" "$files/$program"
  install -D -m 644 "$tools/ca-certificates.crt" "$files/etc/ssl/certs/ca-certificates.crt"
  if file=$(readelf -l "$files/$program" | grep INTERP); then
    echo "$program is not static: $file" >&2
    exit 1
  fi
  # grep reads to the end: one that leaves earlier can end readelf, and with it the check.
  readelf -SW "$files/$program" | grep -F .dep-v0 >/dev/null || { echo "$program does not say what it is made of" >&2; exit 1; }
  "$files/$program" --version >/dev/null
  archive "$files" "$work/$program.layer"
  size=$(stat -c %s "$work/$program.layer")
  [ "$profile" != image ] || [ "$size" -le "$largest" ] || { echo "$program: $size bytes unpacked, more than $largest" >&2; exit 1; }
  {
    "$tools/umoci" init --layout "$layout"
    "$tools/umoci" new --image "$layout:$version"
    "$tools/umoci" raw add-layer --image "$layout:$version" --history.created_by "make image" "$work/$program.layer"
    "$tools/umoci" config --image "$layout:$version" --no-history --os linux --architecture amd64 \
      --config.user 65532:65532 --config.entrypoint "/$program" --config.workingdir / \
      --config.label "org.opencontainers.image.title=$title" \
      --config.label "org.opencontainers.image.version=$version" \
      --config.label "org.opencontainers.image.revision=$revision" \
      --config.label "org.opencontainers.image.licenses=Apache-2.0" "$@"
    "$tools/umoci" gc --layout "$layout"
  } >"$work/umoci.log" 2>&1 || { cat "$work/umoci.log" >&2; exit 1; }
  # Under which name containerd (kind, k3d, ctr) imports it.
  sed -i "s|\"org.opencontainers.image.ref.name\":|\"io.containerd.image.name\":\"$name\",&|" "$layout/index.json"
  grep -qF "$name" "$layout/index.json"
  archive "$layout" "$dist/$program-$version.oci.tar"
  # It names packages of the tree by their path here.
  sed "s|file://$root|file:///build|g" "$(parts_of "$program")" >"$dist/$program-$version.cdx.json"
  local digest
  digest=$(sed 's/.*"digest":"\([^"]*\)".*/\1/' "$layout/index.json")
  printf '%s  %s  %s bytes, unpacked %s\n' "$name" "$digest" "$(stat -c %s "$dist/$program-$version.oci.tar")" "$size"
}

archive() { # folder, archive
  tar --create --file "$2" --directory "$1" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" \
    --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX .
}

image iot-operator "IoT product operator"
image iot-simulator "Simulated IoT vendors" --config.env IOT_SIMULATOR_LISTEN=0.0.0.0:8080 --config.exposedports 8080/tcp
