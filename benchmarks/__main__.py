"""Run the benchmarks: ``python -m benchmarks``, or ``make bench``.

python -m benchmarks            # the sizes that the book quotes
python -m benchmarks --small    # a look at whether everything runs
"""

import argparse

from benchmarks import infinite, ntk

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--small", action="store_true", help="tiny sizes, nothing kept")
parser.add_argument("--rounds", type=int, default=5)
options = parser.parse_args()
for benchmark in (ntk, infinite):
    benchmark.main(options.small, options.rounds)
