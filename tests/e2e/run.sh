#!/usr/bin/env bash
# The operator on a real node of Kubernetes: charts, images, pods. Builds what it needs (minutes the first time,
# kept in a cache), brings up one node (node.sh), goes through story.sh, prints what it saw, and ends everything it
# started. Run by `make e2e`. Needs root on Linux; where it cannot run it fails and says why.
#
#   run.sh             everything
#   run.sh --cached    fails at once where a program of the node is not in the cache
#   run.sh --hindrance only prints why it cannot run here, and fails, or says nothing
#
# IMAGE_PROFILE  profile that images are built with: image (default, as they ship) or quick
# E2E_IMAGES     a folder of images made before, instead of building them
# E2E_KEEP       a folder for the logs of everything, kept also when all is well
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
. "$here/node.sh"
. "$here/see.sh"
. "$here/story.sh"

cached=
case "${1:-}" in
--hindrance) why=$(node_hindrance); [ -z "$why" ] || { echo "$why"; exit 1; }; exit 0 ;;
--cached) cached=--cached ;;
'') ;;
*) echo "unknown argument: $1" >&2; exit 2 ;;
esac
why=$(node_hindrance)
[ -z "$why" ] || { echo "e2e cannot run here: $why" >&2; exit 1; }

run=$(mktemp -d -t iot-e2e-XXXXXX)
finish() {
  local code=$?
  trap - EXIT INT TERM
  [ "$code" = 0 ] || diagnose >&2 || true
  node_down
  if [ -n "${E2E_KEEP:-}" ]; then
    mkdir -p "$E2E_KEEP"
    cp -r "$run/log" "$run/pod-logs" "$E2E_KEEP/" 2>/dev/null || true
  fi
  rm -rf "$run"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# An image of one program, for the node itself.
small_image() { # name with tag, program, its path in the image
  local layout=$run/layout
  rm -rf "$layout"
  {
    "$tools/umoci" init --layout "$layout"
    "$tools/umoci" new --image "$layout:1"
    "$tools/umoci" insert --rootless --image "$layout:1" "$2" "$3"
    "$tools/umoci" config --image "$layout:1" --config.user 65532:65532 --config.entrypoint "$3"
  } >"$run/umoci.log" 2>&1 || fail "$(cat "$run/umoci.log")"
  sed -i "s|\"org.opencontainers.image.ref.name\":|\"io.containerd.image.name\":\"$1\",&|" "$layout/index.json"
  tar --create --file "$run/images/$(basename "${1%:*}").tar" --directory "$layout" .
}

step "Programs of the node, from the cache or built"
plane=$(tools/controlplane/build.sh)
node=$(tools/node/build.sh $cached)
helm=$(tools/helm/build.sh)
tools=$(tools/imagetools/build.sh)
say "Kubernetes $("$plane/kube-apiserver" --version | awk '{print $2}'), $("$node/containerd" --version | awk '{print "containerd", $3}'), $("$node/runc" --version | sed -n '1s/ version / /p'), helm $("$helm" version --template '{{.Version}}')"

step "Images"
mkdir "$run/images"
if [ -n "${E2E_IMAGES:-}" ]; then
  images=$E2E_IMAGES
else
  images=$run/dist
  make --no-print-directory image IMAGE_DIST="$images" IMAGE_PROFILE="${IMAGE_PROFILE:-image}"
fi
cp "$images"/iot-{operator,simulator}-*.oci.tar "$run/images/"
small_image localhost/pause:1 "$node/pause" /pause
small_image localhost/busybox:1 "$node/busybox" /busybox
say "built with the profile ${E2E_IMAGES:+of $E2E_IMAGES }${IMAGE_PROFILE:-image}: $(cd "$run/images" && stat -c '%n %s bytes' iot-*.tar | paste -sd ';')"

begun=$SECONDS
step "A node"
node_up
cat "$run/log/timing"
kubectl get nodes -o wide
story
step "All is well after $((SECONDS - begun)) s"
