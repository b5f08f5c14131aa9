#!/bin/bash
# format.sh [--check]: lays the C sources out as PostgreSQL's are, or shows what
# that would change and fails.
#
# pg_bsd_indent must know which names are types: they are taken from the debug
# information of the library, so it is built first, and from the typedefs in our
# own sources, since types that are never used leave no trace there.  A variable
# in the list would have what follows it laid out as a declaration.
set -euo pipefail
. "$(dirname "$0")/common.sh"

options=(-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79
	-lp -lpl -nip -npro -sac -tpg -ts4)
# Type names that are common names of variables too, as in PostgreSQL's pgindent.
not_types='^(ANY|FD_SET|U|abs|allocfunc|boolean|date|digit|ilist|interval|iterator|other|pointer|printfunc|reference|string|text|timestamp|type|wrap)$'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make -C "$top" -s PG_CONFIG="$pg_config" COPT="${COPT--Werror}" all
{
	objdump -Wi "$top/leadpool.so" "$top/leadpool_http.so" | grep -A3 DW_TAG_typedef | awk '/DW_AT_name/ { print $NF }'
	find "$top/src" -name '*.[ch]' -exec cat {} + |
		perl -0ne 'print "$1\n" while /^typedef (?:struct|enum|union)\s[^;{]*(?:\{.*?^\}\s*)?\b(\w+);/gms'
	# In every header, but never seen by this library.
	printf '%s\n' FunctionCallInfo Datum List ListCell Node Relation TupleDesc HeapTuple
} | grep -vE "$not_types" | sort -u > "$work/typedefs"

# indent FILE: the file as it should be, on standard output.  As pgindent does
# around pg_bsd_indent, dashed comments are kept, a return type's stars have one
# space before them, members of an initializer have one between them, a
# variable follows the brace of its struct, and what stands in extern "C" is
# not indented.  A statement in LP_SQL() and its like goes in disguise of an
# initializer in braces, so that its text is indented by one tab and not to the
# parenthesis.
indent() {
	perl -0pe 's|/\* +---|/*---X_X|g;
		s|^(#ifdef __cplusplus\n)extern "C"\n\{\n(#endif)$|$1/* Open extern "C" */\n$2|gm;
		s|^(#ifdef __cplusplus\n)\}\n(#endif)$|$1/* Close extern "C" */\n$2|gm;
		s|^static LpSql (\w+) = (LP_SQL\w*)\(\n(.*?)\);$|static LpSql $2__$1 = {\n$3\n};|gms' "$1" > "$work/source.c"
	(cd "$work" && pg_bsd_indent "${options[@]}" -Utypedefs source.c result.c) >&2
	perl -0pe 's|/\*---X_X|/* ---|g; s|\*/(/\*.*\*/)$|*/\t$1|gm; s|^([A-Za-z_]\S*(?: [A-Za-z_]\S*)*)[ \t]+(\*+)$|$1 $2|gm;
		s|,\.(\w+ = )|, .$1|g;
		s|^\}\t+(\w+;)$|} $1|gm;
		s|^/\* Open extern "C" \*/$|extern "C"\n{|gm; s|^/\* Close extern "C" \*/$|}|gm;
		s|^static LpSql (LP_SQL\w*?)__(\w+) = \{\n(.*?)\n\};$|static LpSql $2 = $1(\n$3);|gms' "$work/result.c"
	rm -f "$work/result.c"
}

status=0
while read -r file; do
	indent "$file" > "$work/formatted"
	if [ "${1:-}" = --check ]; then
		diff -u --label "$file" --label "$file (formatted)" "$file" "$work/formatted" || status=1
	elif ! cmp -s "$file" "$work/formatted"; then
		cat "$work/formatted" > "$file"
		echo "formatted ${file#"$top"/}"
	fi
done < <(find "$top/src" -name '*.[ch]' | sort)
exit $status
