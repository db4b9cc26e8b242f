#!/usr/bin/env bash
# For `make test-docker`: get Debian's engine where there is none and this is root. The tests start it and say why they skip.
command -v dockerd >/dev/null && exit 0
[[ -n ${DOCKER_HOST:-} || -S /var/run/docker.sock ]] && exit 0
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "No Docker engine, and only root with apt could get one: the Docker tests will be skipped." >&2
    exit 0
fi
echo "Getting docker.io from apt, for the Docker tests."
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io; } >/tmp/rlvr-docker-apt.log 2>&1; then
    tail -n 3 /tmp/rlvr-docker-apt.log >&2
    echo "docker.io cannot be installed: the Docker tests will be skipped." >&2
fi
exit 0
