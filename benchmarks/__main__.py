"""Run the benchmarks: ``python -m benchmarks``, or ``make bench``.

python -m benchmarks             # the sizes that the book shows
python -m benchmarks lenet       # one of them
python -m benchmarks --small     # a look at whether everything runs
"""

import argparse
from functools import partial

import ntkbook
from benchmarks import browser, empirical, infinite, loop, paths, scale
from benchmarks.empirical import waiting

ALL = {name: partial(empirical.main, name) for name in ("mlp", "lenet", "resnet")}
ALL |= {"infinite": infinite.main, "paths": paths.main, "scale": scale.main}
ALL |= {"loop": loop.main, "browser": browser.main, "waiting": waiting.main}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("names", nargs="*", help=f"some of: {', '.join(ALL)}")
parser.add_argument("--small", action="store_true", help="tiny sizes, nothing kept")
parser.add_argument("--rounds", type=int, default=5)
options = parser.parse_args()
if unknown := set(options.names) - set(ALL):
    parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(ALL)}")
print(ntkbook.device_report())
for name in options.names or ALL:
    ALL[name](options.small, options.rounds)
