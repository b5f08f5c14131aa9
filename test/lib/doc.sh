#!/bin/bash
# Makes doc/reference.md and the list of files in doc/architecture.md anew, in
# tmp/log/.  Called by test/run.sh.
set -euo pipefail
. "$(dirname "$0")/common.sh"

tap_env doc perl -I "$pgxs_dir/test/perl" -I "$top/test/lib" \
	"$top/test/lib/reference.pl" "$tmp/log" > "$tmp/log/doc.log" 2>&1 ||
	{ cat "$tmp/log/doc.log" >&2; exit 1; }
grep '^# ' "$tmp/log/doc.log" || true
