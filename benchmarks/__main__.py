"""Run the benchmarks: ``python -m benchmarks``, or ``make bench``."""

from benchmarks.ntk import main

main()
