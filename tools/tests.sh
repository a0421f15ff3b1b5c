# The tests and their counts; part of ./dev, which reads it.

# tally NAME PASSED FAILED LOG: counts, and shows the log of what failed.
tally()
{
    total_passed=$((total_passed + $2)) total_failed=$((total_failed + $3))
    say "$(printf '%-42s %6d passed %4d failed %5d s' "$1" "$2" "$3" "$took")"
    [ "$3" = 0 ] || tail -n 100 "$4" >&2
}

log_of()
{
    echo "$LOGS/$(printf %s "$1" | tr ' /' '--').log"
}

# logged NAME COMMAND...: runs it into a log; sets log, status and took, in seconds.
logged()
{
    log=$(log_of "$1")
    shift
    status=0 started=$(date +%s)
    "$@" >"$log" 2>&1 || status=$?
    took=$(($(date +%s) - started))
}

# keep: what a process of its own has logged; kept NAME: has it again, as logged() sets it.
keep()
{
    echo "status=$status took=$took" >"$log.kept"
}

kept()
{
    log=$(log_of "$1") status=1 took=0
    [ ! -f "$log.kept" ] || eval "$(cat "$log.kept")"
}

# passed NAME: one test that passes when what was logged does.
passed()
{
    if [ "$status" = 0 ]; then tally "$1" 1 0 "$log"; else tally "$1" 0 1 "$log"; fi
}

# step NAME COMMAND...: the same of a command.
step()
{
    logged "$@"
    passed "$1"
}

# must NAME COMMAND...: what tests need before they can run; counts only when it fails.
must()
{
    logged "$@"
    if [ "$status" = 0 ]; then tally "$1" 0 0 "$log"; else tally "$1" 0 1 "$log"; fi
}

# count NAME PASSED FAILED: a runner that fails without a failed test has failed itself.
count()
{
    if [ "$status" != 0 ] && [ "$3" = 0 ]; then
        tally "$1" "$2" 1 "$log"
    else
        tally "$1" "$2" "$3" "$log"
    fi
}

# check PROGRAM: one of libcheck's, into its log; check_count() reads it.
check()
{
    prefix=
    case $1 in build-tsan/*) prefix=$(not_random) ;; esac
    logged "$1" nice $(with_store "$1") $prefix "$1"
    keep
}

# check_count PROGRAM: libcheck ends with "98%: Checks: 50, Failures: 1, Errors: 0".
check_count()
{
    name=$1
    kept "$name"
    set -- $(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' \
        "$log" | awk '{ checks += $1; bad += $2 + $3 } END { print checks + 0, bad + 0 }')
    count "$name" $(($1 - $2)) "$2"
}

# junit_run NAME COMMAND...: adds the path of a report, and counts from it; skipped tests count as
# neither.
junit_run()
{
    name=$1 report=$LOGS/$1.xml
    rm -f "$report"
    logged "$@" "$report"
    attribute() { sed -n "s/.*<testsuite [^>]*$1=\"\([0-9]*\)\".*/\1/p" "$report" 2>/dev/null; }
    all=$(attribute tests) skipped=$(attribute skipped)
    failures=$(attribute failures) errors=$(attribute errors)
    failed=$((${failures:-0} + ${errors:-0}))
    count "$name" $((${all:-0} - failed - ${skipped:-0})) "$failed"
}

# pytest_run NAME PATH...
pytest_run()
{
    name=$1
    shift
    junit_run "$name" ${prefix:-} build/venv/bin/python -m pytest -q -ra -n "$AT_ONCE" --dist worksteal "$@" \
        --junitxml
}

# Address space randomization of recent kernels is more than clang 14's TSan copes with.
not_random()
{
    ! setarch "$(uname -m)" -R true 2>/dev/null || echo "setarch $(uname -m) -R"
}

# Clients that misbehave meet the sanitizers, and so do stores that die.
run_http()
{
    pytest_run http tests/http
    must "build asan" build_asan
    must "build tsan" build_tsan
    export STATEWARD_FAILOVER_SECONDS=6
    for kind in asan tsan; do
        export STATEWARD_BIN="$PWD/build-$kind/stateward"
        prefix=
        [ "$kind" != tsan ] || prefix=$(not_random)
        pytest_run "http-$kind" tests/http/test_misbehave.py tests/http/test_overload.py \
            tests/http/test_failover_harm.py::test_stores_that_die_and_hang
    done
    unset STATEWARD_BIN STATEWARD_FAILOVER_SECONDS prefix
}

# make_venv FOLDER REQUIREMENTS...: anew when the requirements have changed.
make_venv()
{
    venv=$1
    shift
    ! cat "$@" | cmp -s - "$venv/requirements" || return 0
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv" || return 1
    for file in "$@"; do
        "$venv/bin/pip" install --disable-pip-version-check -r "$file" || return 1
    done
    cat "$@" >"$venv/requirements"
}

venv()
{
    make_venv build/venv tools/requirements.txt tests/http/requirements.txt \
        clients/python/requirements-test.txt
}

# What schemathesis needs is pinned to the last package, and pins others than the rest does.
venv_api()
{
    make_venv build/venv-api tests/api/requirements.txt
}

# with_store PROGRAM: what starts the server that a test program needs.
with_store()
{
    case $1 in
    *_postgres | *_redis) echo tests/support/stores.py "${1##*_}" ;;
    esac
}

# wanted PROGRAM: where a sanitizer would see what it has seen in another program it is left out. But for
# the unit tests all have one thread; pairs with servers run what those with memory do; and a failing
# store runs all that memory does.
wanted()
{
    case $1 in
    build-tsan/tests/unit) true ;;
    build-tsan/* | build/tests/fault) false ;;
    build-asan/tests/contract_failover_*) false ;;
    build-asan/tests/contract_memory) false ;;
    esac
}

# native NAME...: the test programs of these names, plain and under the sanitizers. The longest come first.
native()
{
    found=
    rm -f "$LOGS"/*.kept
    for build in build-asan build-tsan build; do
        for name in "$@"; do
            for program in "$build/tests/$name"*; do
                [ ! -f "$program" ] || [ ! -x "$program" ] || ! wanted "$program" ||
                    found="$found $program"
            done
        done
    done
    printf '%s\n' $found | xargs -P "$AT_ONCE" -n 1 ./dev check || true
    for program in $found; do
        check_count "$program"
    done
}

# The rules of failover that the simulator can break.
SIM_RULES="clear own fence check missing start order pending forgot meet collect recall"

# sim_world KIND: options of worlds in which stores forget, or clean-ups collect what is old.
sim_world()
{
    case $1 in
    forget | forgot | meet | recall) echo --forget ;;
    collect) echo --collect ;;
    esac
}

# A rule without which nothing goes wrong is not needed, or the checker is blind. Two of them show where
# instances compete whose clocks differ much.
sim_rule()
{
    case $1 in
    check | order) where="--instances 2 --skew 3000" ;;
    *) where=$(sim_world "$1") ;;
    esac
    ! nice build/tests/failover_sim --seeds 8000 --until-wrong $where --without "$1"
}

# sim_worlds WHAT: how many. WHAT is BUILD, or BUILD-KIND for worlds of a kind.
sim_worlds()
{
    case $1 in
    build) echo 2000 ;;
    build-asan) echo 200 ;;
    build-forget | build-collect) echo 500 ;;
    esac
}

# sim WHAT or sim RULE: into its log.
sim()
{
    case $1 in
    build | build-asan) logged "$1 sim" nice "$1/tests/failover_sim" --seeds "$(sim_worlds "$1")" ;;
    build-*)
        logged "$1 sim" nice build/tests/failover_sim --seeds "$(sim_worlds "$1")" $(sim_world "${1#build-}")
        ;;
    *) logged "sim without $1" sim_rule "$1" ;;
    esac
    keep
}

# sim_count WHAT: each world is a test.
sim_count()
{
    kept "$1 sim"
    wrong=$(sed -n 's/^\([0-9]*\) worlds went wrong$/\1/p' "$log")
    count "$1 sim" $(($(sim_worlds "$1") - ${wrong:-0})) "${wrong:-0}"
}

run_sim()
{
    rm -f "$LOGS"/*sim*.kept
    printf '%s\n' build build-asan build-forget build-collect $SIM_RULES | xargs -P "$JOBS" -n 1 ./dev sim || true
    for what in build build-asan build-forget build-collect; do
        sim_count "$what"
    done
    for rule in $SIM_RULES; do
        kept "sim without $rule"
        passed "sim without $rule"
    done
}

# fuzz_run TARGET SECONDS: what it finds beyond the seeds stays in build-fuzz/corpus.
fuzz_run()
{
    corpus=build-fuzz/corpus/$1
    mkdir -p "$corpus"
    nice "build-fuzz/tests/fuzz_$1" -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$corpus-" "$corpus" "tests/fuzz/corpus/$1"
}

# fuzz_together SECONDS TARGET...
fuzz_together()
{
    seconds=$1
    shift
    for target in "$@"; do
        (
            logged "fuzz_$target" fuzz_run "$target" "$seconds"
            keep
        ) &
    done
    wait
    for target in "$@"; do
        kept "fuzz_$target"
        passed "fuzz_$target"
    done
}

# run_fuzz SECONDS [TARGET...]: two at once.
run_fuzz()
{
    each=$1
    shift
    must "build fuzz" build_fuzz
    [ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)
    while [ $# -gt 1 ]; do
        fuzz_together "$each" "$1" "$2"
        shift 2
    done
    [ $# = 0 ] || fuzz_together "$each" "$1"
}

fuzz()
{
    total_passed=0 total_failed=0 minutes=1
    if [ "${1:-}" = --minutes ]; then
        minutes=${2:-}
        shift "$(($# < 2 ? $# : 2))"
    fi
    case $minutes in
    '' | *[!0-9]* | 0)
        say "./dev fuzz: --minutes needs a number from 1 on"
        exit 2
        ;;
    esac
    for target in "$@"; do
        [ -f "tests/fuzz/fuzz_$target.c" ] || {
            say "./dev fuzz: $target is none of" $(ls tests/fuzz/corpus)
            exit 2
        }
    done
    need $FOR_BUILD $FOR_TEST
    mkdir -p "$LOGS"
    run_fuzz "$((minutes * 60))" "$@"
    [ "$total_failed" = 0 ]
}

# The client's package is not installed: it is found beside its tests.
run_client()
{
    export PYTHONPATH="$PWD/clients/python"
    pytest_run client clients/python/tests
}

run_api()
{
    must "venv api" venv_api
    junit_run api nice build/venv-api/bin/python tests/api/run.py
}

run_tests()
{
    total_passed=0 total_failed=0
    [ $# -gt 0 ] || set -- lint fault contract unit sim fuzz http api client
    need $FOR_BUILD $FOR_TEST
    mkdir -p "$LOGS"
    must build build_plain
    case " $* " in *" unit "* | *" contract "* | *" fault "* | *" sim "*) must "build asan" build_asan ;; esac
    case " $* " in *" unit "*) must "build tsan" build_tsan ;; esac
    case " $* " in *" http "* | *" client "*) must venv venv ;; esac
    programs=
    for what in "$@"; do
        case $what in
        fault | contract | sim | unit) programs="$programs $what" ;;
        esac
    done
    for what in "$@"; do
        case $what in
        lint) run_lint ;;
        fault | contract | sim | unit)
            [ -z "$programs" ] || native $programs
            programs=
            [ "$what" != sim ] || run_sim
            ;;
        fuzz) run_fuzz 30 ;;
        http) run_http ;;
        api) run_api ;;
        client) run_client ;;
        *)
            say "./dev test: $what is none of lint unit contract fault sim fuzz http api client"
            exit 2
            ;;
        esac
    done
    echo "$total_passed passed, $total_failed failed"
    [ "$total_failed" = 0 ]
}
