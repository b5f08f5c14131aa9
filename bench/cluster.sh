# Sourced by the benchmarks: a server of their own in directory $dir, which the
# script makes.  All of it ends with the script.

# become_postgres SCRIPT ARGUMENT...: root builds, and goes on as postgres.
become_postgres() {
	[ "$(id -u)" = 0 ] || return 0
	build
	mkdir -p "$tmp/run"
	chown postgres "$tmp/run"
	# One process must hold 1,000 connections beside its own files.
	ulimit -n 8192 2> /dev/null || true
	exec setpriv --reuid postgres --regid postgres --clear-groups env PG_CONFIG="$PG_CONFIG" "$@"
}

pids=()
cleanup() {
	[ -f "$dir/data/postmaster.pid" ] && "$bindir/pg_ctl" -D "$dir/data" -m immediate stop > /dev/null
	for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
	rm -rf "$dir"
}

# start_cluster OPTION...: options of the server.
start_cluster() {
	trap cleanup EXIT
	export PGHOST=$dir PGUSER=postgres PGDATABASE=postgres
	"$bindir/initdb" -D "$dir/data" -A trust -N > "$dir/log"
	"$bindir/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w start > /dev/null \
		-o "-c listen_addresses='' -c unix_socket_directories='$dir' $*"
}

sql() { "$bindir/psql" -qAtX -v ON_ERROR_STOP=1 "$@"; }
