#!/usr/bin/env bash
# Every fuzz target under libFuzzer with the sanitizers, one after the other, for SECONDS each
# (default 60). Finds are kept in build/fuzz/corpus; a failing input is named by the fuzzer: put it
# into tests/fuzz/corpus/TARGET/ with the fix, and every test run tries it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

seconds=${1:-60}
if ! [[ $seconds =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: tests/fuzz/run.sh [SECONDS]" >&2
    exit 2
fi

mkdir -p build
cmake --preset fuzz >build/fuzz.configure.log || { cat build/fuzz.configure.log; exit 1; }
cmake --build --preset fuzz

failed=()
for source in tests/fuzz/*_fuzz.cc; do
    name=$(basename "$source" .cc)
    mkdir -p "build/fuzz/corpus/$name" build/fuzz/failures
    echo "$name: $seconds s"
    "build/fuzz/tests/fuzz/$name" -max_total_time="$seconds" -rss_limit_mb=2048 -verbosity=0 -print_funcs=0 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/failures/$name-" \
        "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" || failed+=("$name")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}; the inputs are in build/fuzz/failures" >&2
    exit 1
fi
