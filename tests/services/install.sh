#!/usr/bin/env bash
# Installs what the Kubernetes tests need beside Go: etcd, from the distribution. Does nothing where it is there.
set -euo pipefail
if PATH="$PATH:/usr/sbin:/usr/local/bin" command -v etcd >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "etcd is missing: install it, or run this as root on Debian or Ubuntu" >&2
    exit 1
fi
apt-get update -q
# The packaged service would only take port 2379; the tests start their own.
RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends etcd-server
