#!/usr/bin/env bash
# Installs what the tests need beside Go, from the distribution: etcd, RabbitMQ, Docker, and promtool with
# Prometheus.
# Does nothing where they are there.
set -euo pipefail

packages=()
have() { PATH="$PATH:/usr/sbin:/usr/local/bin" command -v "$1" >/dev/null; }
have etcd || packages+=(etcd-server)
have rabbitmq-server || packages+=(rabbitmq-server)
{ have docker && { have dockerd || docker version >/dev/null 2>&1; }; } || packages+=(docker.io)
{ have promtool && have prometheus; } || packages+=(prometheus)
if [ "${#packages[@]}" -eq 0 ]; then
    # The image is made of the distribution's packages, whose lists may have been removed.
    if command -v apt-get >/dev/null && ! apt-get download -q --print-uris libc6 >/dev/null 2>&1; then
        apt-get update -q
    fi
    exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "missing: ${packages[*]}; install them, or run this as root on Debian or Ubuntu" >&2
    exit 1
fi
apt-get update -q
# The packaged services would only take ports; the tests start their own.
RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
if command -v systemctl >/dev/null; then
    # Not at the next start of the machine either.
    systemctl disable rabbitmq-server docker.service docker.socket >/dev/null 2>&1 || true
fi
