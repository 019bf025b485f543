#!/usr/bin/env bash
# run.sh OUT SECONDS TARGET…: fuzzes each target for its share of the seconds, ends with 1 where one found something.
set -uo pipefail
cd "$(dirname "$0")"
out=$(cd "$1" && pwd) total=$2
shift 2
share=$((total / $#))
[ "$share" -ge 1 ] || share=1
mkdir -p "$out/findings"
status=0
for target in "$@"; do
    corpus=$out/corpus/$target log=$out/$target.log leaks=1
    # libhdf5 forgets memory of its own over damaged files; a process that ends with each file does not mind.
    [ "$target" = container ] && leaks=0
    mkdir -p "$corpus"
    # A file that exists is never written again; what the fuzzer adds to the corpus lies in the first folder.
    ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=$leaks UBSAN_OPTIONS=print_stacktrace=1 \
        "$out/$target" -max_total_time="$share" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=768 -max_len=65536 \
        -artifact_prefix="$out/findings/$target-" -detect_leaks=$leaks -print_final_stats=1 -verbosity=1 \
        "$corpus" "Seeds/$target" >"$log" 2>&1
    end=$?
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    if [ "$end" -eq 0 ] && [ -n "$executed" ]; then
        printf '%-12s %s inputs in %s s, %s a second, corpus of %s: nothing found\n' \
            "$target" "$executed" "$share" "$rate" "$(find "$corpus" -type f | wc -l)"
    else
        status=1
        printf '%-12s FOUND (status %s): %s\n' "$target" "$end" "$(grep -m1 -E 'ERROR|runtime error|does not hold|SUMMARY|Fatal' "$log" || tail -n 1 "$log")"
        printf '             the input: %s; the report: %s\n' \
            "$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)" "$log"
    fi
done
[ "$status" -eq 0 ] && echo "fuzzing: nothing found by $# targets" || echo "fuzzing: FINDINGS, see above"
exit "$status"
