# Sourced by the benchmarks that speak HTTP: directory $dir, nginx at
# http://127.0.0.1:$port, the server that delays at $delayed, the bare client
# $dir/bare.  All of it ends with the script.

# become_postgres SCRIPT ARGUMENT...: root builds, installs nginx-light if there
# is no nginx, and goes on as postgres.
become_postgres() {
	[ "$(id -u)" = 0 ] || return 0
	command -v nginx > /dev/null ||
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light > /dev/null; }
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

# start_servers BODY-FILE: the file is what the delaying server answers.
start_servers() {
	local flags
	trap cleanup EXIT
	read -ra flags <<< "$(curl-config --cflags --libs | tr '\n' ' ')"
	gcc -std=gnu99 -O2 -o "$dir/bare" "$top/bench/http/bare.c" "${flags[@]}"
	gcc -std=gnu99 -O2 -o "$dir/delay_server" "$top/bench/http/delay_server.c"
	port=$((20000 + RANDOM % 10000))
	sed "s|@dir@|$dir|; s|@port@|$port|" "$top/bench/http/nginx.conf" > "$dir/nginx.conf"
	nginx -e "$dir/error.log" -p "$dir" -c "$dir/nginx.conf" &
	pids+=($!)
	mkfifo "$dir/hold"
	exec 9<> "$dir/hold"
	"$dir/delay_server" "$1" < "$dir/hold" > "$dir/port" &
	pids+=($!)
	until [ -s "$dir/port" ]; do sleep 0.1; done
	delayed=http://127.0.0.1:$(cat "$dir/port")
}

# start_cluster OPTION...: options of the server.
start_cluster() {
	export PGHOST=$dir PGUSER=postgres PGDATABASE=postgres
	"$bindir/initdb" -D "$dir/data" -A trust -N > "$dir/log"
	"$bindir/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w start > /dev/null \
		-o "-c listen_addresses='' -c unix_socket_directories='$dir' $*"
}

sql() { "$bindir/psql" -qAtX -v ON_ERROR_STOP=1 "$@"; }
