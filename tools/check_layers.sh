#!/bin/sh
# Checks that nothing includes upwards: src <- storage <- routes <- app.
set -u
cd "$(dirname "$0")/.."
bad=0

# forbid WHY REGEX FILE...: no line of the files may match.
forbid()
{
    why=$1 regex=$2
    shift 2
    if grep -nHE "$regex" "$@" /dev/null; then
        echo "  ^ $why"
        bad=1
    fi
}

# The headers of a folder as an alternation: a|b|c
headers()
{
    for header in "$1"/*.h; do basename "$header" .h; done | paste -sd '|' -
}

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
base=$(find src -name '*.[ch]')
storage=$(find storage -name '*.[ch]')
routes=$(find routes -name '*.[ch]')

forbid 'src knows no store' "$include($(headers storage))\.h" $base
forbid 'src knows no route' "$include($(headers routes))\.h" $base
forbid 'storage knows no route' "$include($(headers routes))\.h" $storage
forbid 'storage knows no HTTP' "$include(microhttpd|request|response|router|server)" $storage
forbid 'routes know no driver' "$include($(headers storage))\.h" $routes
forbid 'routes know no database library' "$include(sqlite3|libpq|hiredis|curl)" $routes $base
forbid 'only src/server* speaks libmicrohttpd' "${include}microhttpd" \
    $(find app src routes storage -name '*.[ch]' ! -path 'src/server*')
forbid 'SQL stands in storage/*_sql.h and storage/schema only' \
    '"[^"]*\b(SELECT|INSERT (OR|INTO)|UPDATE .* SET|DELETE FROM|CREATE (TABLE|INDEX))\b' \
    $(find app src routes storage -name '*.[ch]' ! -name '*_sql.h')

[ "$bad" = 0 ] && echo "layers: $(echo $base $storage $routes | wc -w) files, all arrows point down"
exit "$bad"
