# What ./dev lint looks at; part of ./dev, which reads it.

c_files()
{
    find app src routes storage tests -name '*.[ch]' ! -name '*_sql.h' | sort
}

check_format()
{
    clang-format --dry-run --Werror $(c_files)
}

check_tidy()
{
    find app src routes storage -name '*.c' | sort | nice xargs -P "$JOBS" -n 8 clang-tidy -p build --quiet
}

check_python()
{
    build/venv/bin/ruff check --cache-dir build/ruff clients/python tests/http tests/api tests/bench \
        tests/soak tests/support tools
}

check_types()
{
    # The configuration of the package names its folders.
    (cd clients/python && ../../build/venv/bin/mypy --cache-dir ../../build/mypy)
}

run_lint()
{
    need $FOR_LINT
    must venv venv
    step format check_format
    step tidy check_tidy
    step layers tools/check_layers.sh
    step sizes tools/check_sizes.py
    step headers tools/check_headers.py
    step routes tools/check_routes.py
    step openapi build/venv/bin/openapi-spec-validator openapi/openapi.yaml
    step examples build/venv/bin/python tools/check_examples.py
    step python check_python
    step types check_types
}

lint()
{
    total_passed=0 total_failed=0
    need $FOR_BUILD
    mkdir -p "$LOGS"
    must build build_plain
    run_lint
    [ "$total_failed" = 0 ]
}

format()
{
    need $FOR_LINT
    clang-format -i $(c_files)
}
