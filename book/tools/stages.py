"""Run stages of `make`, all of them, and end with a table: `stages.py lint ...`

Each stage is a target of the Makefile. One that fails does not keep the next from
running, so that one run shows all that is wrong. The table has each stage's seconds and
what its pytest counted; below it stands what was skipped, and how not to skip it. The
exit status is 1 where a stage failed.

It runs before the environment exists, so it uses only the standard library.
"""

import os
import re
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)\b")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PATIENCE = 10  # seconds for the last lines to arrive
SKIPPED = re.compile(r"^SKIPPED \[\d+\] \S+: (.*)$")


class Stage:
    """What became of one target: its seconds, pytest's counts, the reasons to skip."""

    def __init__(self, name):
        self.name = name
        self.seconds = 0.0
        self.failed = False
        self.counts = {}
        self.skips = set()

    def run(self):
        """Run the target; what it prints is passed on as it comes."""
        start = time.monotonic()
        process = subprocess.Popen(
            [os.environ.get("MAKE") or "make", "--no-print-directory", self.name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        copying = threading.Thread(target=self.copy, args=[process.stdout], daemon=True)
        copying.start()
        try:
            self.failed = process.wait() != 0
            copying.join(PATIENCE)  # what a test left running may hold the output open
        except BaseException:
            process.terminate()
            process.wait()
            raise
        self.seconds = time.monotonic() - start

    def copy(self, lines):
        for line in lines:
            sys.stdout.write(line)
            sys.stdout.flush()
            self.read(COLOURS.sub("", line))

    def read(self, line):
        # pytest's last line: "12 passed, 1 skipped in 3.45s (0:00:03)"
        if re.search(r" in [\d.]+s\b", line):
            for number, what in COUNTS.findall(line):
                what = "errors" if what == "error" else what
                self.counts[what] = self.counts.get(what, 0) + int(number)
        if skipped := SKIPPED.match(line):
            self.skips.add(skipped[1])


def table(stages):
    """The lines that the run ends with."""
    width = max(len(stage.name) for stage in stages)
    rows = [
        "{}  {:7.0f} s  {}{}".format(
            stage.name.ljust(width),
            stage.seconds,
            "FAILED  " if stage.failed else "",
            ", ".join("{1} {0}".format(*item) for item in stage.counts.items()),
        ).rstrip()
        for stage in stages
    ]
    total = sum(stage.seconds for stage in stages)
    rows.append("{}  {:7.0f} s".format("in all".ljust(width), total))
    return rows


def conclusion(stages):
    """The last lines: what failed, or that nothing did; and what did not run."""
    failed = [stage.name for stage in stages if stage.failed]
    if failed:
        yield "Failed: " + ", ".join("make " + name for name in failed)
    else:
        yield "All checks passed."
    skips = sorted(set().union(*(stage.skips for stage in stages)))
    if skips:
        yield "Skipped: " + "; ".join(skips)


def main(names):
    stages = [Stage(name) for name in names]
    for stage in stages:
        stage.run()
        if stage.failed and stage.name.startswith("environment"):
            return 1  # it has said why, in one line
    print("\n== Stages\n" + "\n".join(table(stages)))
    print("\n" + "\n".join(conclusion(stages)))
    return int(any(stage.failed for stage in stages))


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
