# Sourced by the test and demo scripts: where things are.
#
# Everything that runs lives under tmp/: a private copy of the PostgreSQL
# programs with leadpool installed into it (root/), the throw-away clusters and
# the logs.  The machine's own PostgreSQL and its clusters are never written.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tmp=$top/tmp

# The newest server that is installed, as packages.sh chooses it.
pg_config=${PG_CONFIG:-}
if [ -z "$pg_config" ]; then
	pg_config=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -1)
	pg_config=${pg_config:+$(dirname "$pg_config")/}pg_config
fi
export PG_CONFIG=$pg_config

root=$tmp/root
bindir=$root$("$pg_config" --bindir 2>/dev/null || true)
pgxs_dir=$(dirname "$(dirname "$("$pg_config" --pgxs 2>/dev/null || echo /x/x)")")
export LC_ALL=C.UTF-8
# What "make test" was called with is not for the makes below it.
unset MAKEFLAGS MFLAGS MAKELEVEL

# Builds, and installs into the private root.
build() {
	mkdir -p "$tmp" "$tmp/log"
	if [ ! -x "$bindir/postgres" ] || [ "$("$bindir/postgres" --version)" != "$("$("$pg_config" --bindir)/postgres" --version)" ]; then
		rm -rf "$root"
		local dir
		for dir in "$("$pg_config" --bindir)" "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)"; do
			mkdir -p "$root$dir"
			cp -a "$dir/." "$root$dir/"
		done
		# A copy of the machine's leadpool must not hide a broken install.
		rm -f "$root$("$pg_config" --pkglibdir)"/leadpool*.so \
			"$root$("$pg_config" --sharedir)"/extension/leadpool*
	fi
	make -C "$top" -s -j2 PG_CONFIG="$pg_config" COPT="${COPT--Werror}" all
	make -C "$top" -s PG_CONFIG="$pg_config" DESTDIR="$root" install > /dev/null
	# What only tests and benchmarks load.
	make -C "$top/test/modules/http" -s PG_CONFIG="$pg_config" COPT="${COPT--Werror}" DESTDIR="$root" all install > /dev/null
}

# tap_env NAME COMMAND...: a command with what PostgreSQL's Perl modules expect
# to find; its clusters live under tmp/run/NAME.
tap_env() {
	local dir=$tmp/run/$1
	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && PATH="$bindir:$PATH" PG_REGRESS="$pgxs_dir/test/regress/pg_regress" \
		TESTDIR="$dir" TESTDATADIR="$dir/data" TESTLOGDIR="$dir/log" LEADPOOL_TOP="$top" \
		"$@")
}
