# Sourced by the benchmarks that speak HTTP: directory $dir, nginx at
# http://127.0.0.1:$port, the server that delays at $delayed, the bare client
# $dir/bare.  All of it ends with the script.

. "$(dirname "${BASH_SOURCE[0]}")/../cluster.sh"

if [ "$(id -u)" = 0 ] && ! command -v nginx > /dev/null; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light > /dev/null
fi

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
