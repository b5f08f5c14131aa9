#!/bin/bash
# Installs what a bare Debian machine lacks to build, run and test leadpool.
# Packages that are there stay as they are; server, client and server-dev are
# only ever moved together, since their versions must agree.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

# The newest PostgreSQL that this Debian release has, unless one is installed.
pg_major() {
	local dir
	for dir in /usr/lib/postgresql/*/bin/postgres; do
		if [ -x "$dir" ]; then
			basename "$(dirname "$(dirname "$dir")")"
		fi
	done | sort -n | tail -1
}

wanted() {
	local v=$1
	echo "postgresql-$v postgresql-client-$v postgresql-server-dev-$v
		gcc g++ make perl libc6-dev libidn2-dev libpsl-dev
		libcurl4-openssl-dev libphonenumber-dev libipc-run-perl openssl
		pg-bsd-indent python3 strace"
}

missing() {
	local p
	for p in $(wanted "$1"); do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null |
			grep -qx installed || echo "$p"
	done
}

major=$(pg_major)
if [ -n "$major" ] && [ -z "$(missing "$major")" ]; then
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "leadpool: missing packages (run as root, or install them):" >&2
	echo "  $(missing "${major:-15}" | tr '\n' ' ')" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
[ -n "$major" ] || major=$(apt-cache search --names-only '^postgresql-server-dev-[0-9]+$' |
	sed 's/^postgresql-server-dev-\([0-9]*\) .*/\1/' | sort -n | tail -1)

# Nobody asked for a cluster of the packages' own.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	mkdir -p /etc/postgresql-common
	echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
	conf_was_absent=1
fi
set -- $(missing "$major")
case " $* " in
	*" postgresql"*) set -- "$@" "postgresql-$major" "postgresql-client-$major" "postgresql-server-dev-$major" ;;
esac
apt-get install -y -qq --no-install-recommends \
	-o Dpkg::Options::=--force-confold "$@" > /dev/null
if [ -n "${conf_was_absent:-}" ]; then
	rm -f /etc/postgresql-common/createcluster.conf
fi
