#!/bin/bash
# test/run.sh demo
# test/run.sh doc
# test/run.sh test [format|regress|isolation|tap|all] [name ...]
#
# Sets the machine up, builds, and runs the demo or the tests.  PostgreSQL
# refuses root, so root does the set-up and the build and an unprivileged user
# does the rest; where that user cannot reach this directory (a clone below a
# 0700 directory) the whole run happens in a copy that is removed afterwards.
set -euo pipefail
umask 022

here=$(cd "$(dirname "$0")" && pwd)
"$here/lib/packages.sh"
. "$here/lib/common.sh"

what=$1
shift

if [ "$(id -u)" != 0 ]; then
	build
	exec "$here/lib/$what.sh" "$@"
fi

user=postgres
id "$user" > /dev/null 2>&1 || user=nobody
as_user() {
	setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups \
		env -u TMPDIR HOME="$tmp" USER="$user" LOGNAME="$user" PG_CONFIG="$PG_CONFIG" "$@"
}

if ! as_user test -x "$top" -a -r "$top/Makefile"; then
	stage=$(mktemp -d /var/tmp/leadpool.XXXXXX)
	trap 'rm -rf "$stage"' EXIT
	chmod 755 "$stage"
	tar -C "$top" --exclude=./tmp --exclude=./.git -cf - . | tar -C "$stage" --no-same-owner -xf -
	chmod -R a+rX "$stage"
	status=0
	"$stage/test/run.sh" "$what" "$@" || status=$?
	mkdir -p "$tmp"
	cp -a "$stage/tmp/log" "$tmp/" 2> /dev/null || true
	exit $status
fi

build
mkdir -p "$tmp/run"
chown "$user" "$tmp" "$tmp/run" "$tmp/log"
find "$tmp/run" "$tmp/log" -exec chown "$user" {} +
as_user "$here/lib/$what.sh" "$@"
