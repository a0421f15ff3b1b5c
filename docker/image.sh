#!/bin/sh
# Builds the image without a daemon and a registry, as root, and tries it as it is meant to be run:
# read-only, stopped by SIGTERM, its data kept in a volume. Leaves build/image/stateward.tar.
set -eu
cd "$(dirname "$0")/.."

WORK=build/image
NAME=stateward-image-$$
IMAGE=localhost/stateward
BASE=localhost/stateward-base

mkdir -p "$WORK"
WORK=$(cd "$WORK" && pwd)
# Own storage: the images and containers of the machine are not touched.
STORE="--root $WORK/storage --runroot $WORK/run --storage-driver vfs"
LIMITS="--ulimit nofile=512:512 --ulimit nproc=512:512"

say()
{
    printf '%s\n' "$*" >&2
}

fail()
{
    say "image: $*"
    podman_ logs "$NAME" >&2 || true
    exit 1
}

podman_()
{
    podman $STORE --runtime /usr/sbin/runc --cgroup-manager cgroupfs "$@"
}

buildah_()
{
    buildah $STORE "$@"
}

cleanup()
{
    podman_ rm -f -t 0 "$NAME" >/dev/null 2>&1 || true
    podman_ volume rm -f "$NAME" >/dev/null 2>&1 || true
}

check_files()
{
    if ! cmp -s docker/requirements.txt "$WORK/venv/requirements"; then
        /usr/bin/python3 -m venv "$WORK/venv"
        "$WORK/venv/bin/pip" install -q --disable-pip-version-check -r docker/requirements.txt
        cp docker/requirements.txt "$WORK/venv/requirements"
    fi
    "$WORK/venv/bin/hadolint" Dockerfile
    "$WORK/venv/bin/kubernetes-validate" --strict --quiet docker/kubernetes.yaml
}

# Debian's minimal system stands for debian:12-slim, which would come from a registry.
make_base()
{
    ! podman_ image exists "$BASE" || return 0
    say "image: making the base"
    mmdebstrap --quiet --variant=minbase --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        bookworm "$WORK/base.tar"
    podman_ import -q "$WORK/base.tar" "$BASE" >/dev/null
    rm "$WORK/base.tar"
}

# inside PATH [CURL FLAG...]: the container has no network but its own loopback.
inside()
{
    path=$1
    shift
    nsenter -t "$(podman_ inspect -f '{{.State.Pid}}' "$NAME")" -n \
        curl -sS -f -m 5 "http://127.0.0.1:8080$path" "$@"
}

start()
{
    podman_ run -d --name "$NAME" --network none --read-only --read-only-tmpfs=false \
        --cap-drop all --security-opt no-new-privileges $LIMITS -v "$NAME:/var/lib/stateward" \
        -e STATEWARD_DRAIN_DELAY=1s "$IMAGE" >/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        ! inside /health/ready >/dev/null 2>&1 || return 0
        sleep 1
    done
    fail "not ready after 10 s"
}

# SIGTERM is what `podman stop` sends; a kill after the time-out would show as 137.
stop()
{
    podman_ stop -t 30 "$NAME" >/dev/null
    code=$(podman_ inspect -f '{{.State.ExitCode}}' "$NAME")
    [ "$code" = 0 ] || fail "exit code $code after SIGTERM"
    podman_ rm "$NAME" >/dev/null
}

try()
{
    user=$(podman_ image inspect -f '{{.Config.User}}' "$IMAGE")
    [ "$user" = 10001:10001 ] || fail "runs as user $user"
    start
    for path in /health /health/live /health/startup /metrics; do
        inside "$path" >/dev/null || fail "no answer to GET $path"
    done
    inside /sessions/kept -X PUT --json '{"user_id": "ann"}' >/dev/null || fail "nothing is stored"
    stop
    start
    inside /sessions/kept | grep -q '"user_id":"ann"' || fail "the volume did not keep the session"
    stop
}

[ "$(id -u)" = 0 ] || { say "image: needs root" && exit 1; }
check_files
trap cleanup EXIT
make_base
say "image: building"
buildah_ bud --isolation chroot $LIMITS --build-arg BASE="$BASE" -t "$IMAGE" . \
    >"$WORK/build.log" 2>&1 || { tail -n 40 "$WORK/build.log" >&2 && exit 1; }
try
rm -f "$WORK/stateward.tar"
podman_ save -q -o "$WORK/stateward.tar" "$IMAGE"
size()
{
    podman_ image inspect -f '{{.Size}}' "$1" | awk '{ printf "%.0f MB", $1 / 1e6 }'
}
say "image: $IMAGE, $(size "$IMAGE"), of that its base $(size "$BASE"); in build/image/stateward.tar"
