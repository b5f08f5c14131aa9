#!/bin/bash
# Writes doc/reference.md anew, to tmp/log/.  Called by test/run.sh.
set -euo pipefail
. "$(dirname "$0")/common.sh"

tap_env doc perl -I "$pgxs_dir/test/perl" -I "$top/test/lib" \
	"$top/test/lib/reference.pl" "$tmp/log/reference.md" > "$tmp/log/doc.log" 2>&1 ||
	{ cat "$tmp/log/doc.log" >&2; exit 1; }
grep '^# ' "$tmp/log/doc.log" || true
