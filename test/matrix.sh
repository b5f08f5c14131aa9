#!/bin/bash
# test/matrix.sh [MAJOR ...]
#
# Builds leadpool against other major versions of PostgreSQL than the machine's
# own, and runs the regression and isolation tests there.  Called by
# "make matrix"; not part of "make test", since the first run downloads some
# hundred megabytes for each major.
#
# Each major lives in a Debian root of its own, made once by mmdebstrap and kept:
# a root is nothing but packages, and the tree is copied into it anew each time.
# Root is needed (chroot).  Nothing outside the cache directory is written, and
# no cluster listens on more than a unix socket.
#
# LEADPOOL_MATRIX_CACHE  where the roots are kept (/var/cache/pgmatrix)
# LEADPOOL_MATRIX_TESTS  the suites, in order ("regress isolation")
set -euo pipefail
umask 022

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${LEADPOOL_MATRIX_CACHE:-/var/cache/pgmatrix}
suites=${LEADPOOL_MATRIX_TESTS:-regress isolation}
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

# The Debian release that carries a major.
release_of() {
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo sid ;;
		*) return 1 ;;
	esac
}

# Where this machine's own apt finds Debian; its list of security updates is
# another archive.
mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -v -e security -e '^file:' | head -1
}

# make_root MAJOR: the root, unless it is there, complete, and of these packages.
make_root() {
	local major=$1 root=$cache/pg$1 release packages

	release=$(release_of "$major")
	packages=postgresql-$major,postgresql-client-$major,libpq-dev,libipc-run-perl
	packages+=,gcc,g++,make,perl,libc6-dev,libidn2-dev,libpsl-dev,libphonenumber-dev
	packages+=,libcurl4-openssl-dev
	[ "$(cat "$root/.ready" 2> /dev/null)" != "$packages" ] || return 0
	rm -rf "$root"

	# No daemon starts and no cluster is made by the packages' own scripts.  The
	# server's headers are unpacked apart from apt: they depend on all of LLVM,
	# which is for bitcode that leadpool does not build.  A mirror may lag behind
	# the few days that unstable's list says it holds; signatures are checked.
	mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--essential-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"
			chmod +x "$1/usr/sbin/policy-rc.d"
			mkdir -p "$1/etc/postgresql-common"
			echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"' \
		--customize-hook="chroot \"\$1\" sh -ec 'cd /tmp
			apt-get download -q postgresql-server-dev-$major
			dpkg --force-depends -i postgresql-server-dev-$major*.deb
			rm postgresql-server-dev-$major*.deb'" \
		"$release" "$root" "deb $(mirror) $release main"
	echo "$packages" > "$root/.ready"
}

# copy_tree ROOT: the sources as they are now, without anything built.
copy_tree() {
	rm -rf "$1/leadpool"
	mkdir "$1/leadpool"
	tar -C "$top" --exclude=./.git --exclude=./tmp --exclude='*.o' --exclude='*.so' -cf - . |
		tar -C "$1/leadpool" --no-same-owner -xf -
}

# in_root ROOT [OPTION ...] -- COMMAND: with the few file systems that a server
# expects, which are gone again afterwards, also when the script is killed: they
# are mounted in a mount namespace of the command's own.
in_root() {
	local root=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	unshare --mount sh -euc '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" 2> /dev/null || true
		exec chroot "$@"' sh "$root" "${options[@]}" "$root" \
		env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 HOME=/tmp \
		${LEADPOOL_SEED:+LEADPOOL_SEED="$LEADPOOL_SEED"} "$@"
}

# check MAJOR: builds with -Werror and runs the suites; the log says the rest.
check() {
	local root=$cache/pg$1 suite status=0

	copy_tree "$root"
	in_root "$root" -- bash -euc 'cd /leadpool
		. test/lib/common.sh
		build
		mkdir -p tmp/run
		chown postgres tmp tmp/run tmp/log' || return 1
	for suite in $suites; do
		in_root "$root" --userspec=postgres:postgres -- \
			bash -uc "cd /leadpool && test/lib/test.sh $suite" || status=1
	done
	return $status
}

[ $# -gt 0 ] || set -- 17 18
[ "$(id -u)" = 0 ] || { echo "leadpool: test/matrix.sh must be run as root" >&2; exit 1; }
command -v mmdebstrap > /dev/null ||
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends mmdebstrap > /dev/null; }

mkdir -p "$cache"
failed=0
for major in "$@"; do
	log=$cache/pg$major.log
	begun=$SECONDS
	release_of "$major" > /dev/null ||
		{ echo "PostgreSQL $major: no Debian release is known to have it" >&2; exit 2; }
	# Not as a condition: that would switch "set -e" off inside.
	status=0
	(make_root "$major") > "$log" 2>&1 & wait $! || status=$?
	if [ $status != 0 ]; then
		echo "PostgreSQL $major: no root, see $log"
		failed=1
		continue
	fi
	check "$major" >> "$log" 2>&1 || status=1
	version=$(in_root "$cache/pg$major" -- "/usr/lib/postgresql/$major/bin/postgres" --version | sed 's/.*PostgreSQL) //')
	echo "PostgreSQL $version: $(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | paste -sd';' | sed 's/;/; /g')" \
		"($((SECONDS - begun)) s)"
	if [ $status != 0 ]; then
		echo "PostgreSQL $major failed, see $log"
		failed=1
	fi
done
exit $failed
