#!/usr/bin/env python3
"""Measures stateward beside something known, in alternating rounds; prints one table of ratios.

Peers share the machine, its cores and the run, so that a ratio means something where a number does
not. Neither side writes access log lines. STATEWARD_BINARY names another program than build/stateward,
STATEWARD_BEFORE an older one for the lines fo_pairs and fo_unpaid.
"""

import argparse
import os
import statistics
import time

import cases
import cases_failover
import cases_langgraph
import cases_stores
from cases import Case, Plan
from servers import CORES, folder

CASES = cases.CASES + cases_stores.CASES + cases_failover.CASES + cases_langgraph.CASES
# A group is named by what precedes the underscore in the names of its lines.
GROUPS = {case.name: case.name.partition("_")[0] for case in CASES}


def sync_ms() -> float:
    """The median time that a small write takes to reach this disk."""
    times = []
    with folder("sync") as path, open(path / "file", "wb", buffering=0) as file:
        for _ in range(200):
            begin = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def line(case: Case, plan: Plan) -> str:
    pairs = list(case.measure(plan))
    ratios = [a / b for a, b in pairs]
    a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
    middle = statistics.median(ratios)
    met = middle <= case.target if case.at_most else middle >= case.target
    sign = "<=" if case.at_most else ">="
    return (f"{case.what:<52} {a:>10.6g} {b:>10.6g} {middle:>7.2f}   {min(ratios):.2f}..{max(ratios):.2f}"
            f"   {sign} {case.target:g}{'' if met else '  missed'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("only", nargs="*", metavar="NAME", help=", ".join(case.name for case in CASES))
    args = parser.parse_args()
    unknown = set(args.only) - {*GROUPS, *GROUPS.values()}
    if unknown:
        parser.error(f"no such lines: {', '.join(sorted(unknown))}")

    print(f"{CORES} cores, load {os.getloadavg()[0]:.1f}, wrk -c64, {args.rounds} rounds of {args.seconds} s each, "
          f"fdatasync of 4 KiB p50 {sync_ms():.2f} ms\n")
    print(f"{'':<52} {'ours':>10} {'theirs':>10} {'ratio':>7}   min..max   target", flush=True)
    for case in CASES:
        if not args.only or {case.name, GROUPS[case.name]} & {*args.only}:
            print(line(case, Plan(args.rounds, args.seconds)), flush=True)


main()
