#!/bin/sh
# Installs Debian packages where that needs no password; fails quietly elsewhere: apt_install.sh PACKAGE...
set -eu
command -v apt-get >/dev/null || exit 1
as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    $as_root true 2>/dev/null || exit 1
fi
echo "Installing $* with apt-get"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A stale index names packages that are gone, a failed update may still leave a good one.
{
    $as_root apt-get update || true
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
} >"$log" 2>&1 </dev/null || {
    tail -n 20 "$log" >&2
    exit 1
}
