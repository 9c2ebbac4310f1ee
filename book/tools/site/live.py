"""Show the book while it is written: `make live`.

A page is built again when its source changes, and the browser loads it again. Sphinx is
imported once; after each change a fork of this process reads and writes what is
outdated, in a copy of the book under _build/live: six seconds of one processor for a
chapter, where the whole book takes forty. What only the whole build does is not done
there: the pages carry no security policy and are not lightened. The library and the
tools are read once: after a change of these, stop and start again.
"""

import argparse
import importlib
import multiprocessing
import shutil
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from jupyter_book.sphinx import build_sphinx

from book.tools.site import slides

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("book", "notebooks")
POLL = 0.3  # seconds between two looks at the files
# Asks for what comes from now on: a change while the page was loading counts.
RELOAD = 'new EventSource("/changes?{}").onmessage = () => location.reload();'
FORK = multiprocessing.get_context("fork")


class Live:
    """The book at `root`, and the copy of it that is kept up to date."""

    def __init__(self, root: Path):
        self.root = root
        self.html = root / "_build" / "live" / "html"
        self.trees = self.html.with_name("doctrees")
        self.changed = self.html.with_name("changed")  # its time: the last change

    def prepare(self) -> None:
        """Begin with the built book, where there is one, and import all of Sphinx."""
        shutil.rmtree(self.html.parent, ignore_errors=True)
        self.html.parent.mkdir(parents=True)
        built = self.root / "_build"
        if (built / "html").exists():
            shutil.copytree(built / "html", self.html)
            shutil.copytree(built / ".doctrees", self.trees)
        # A first build here would leave its traces in every fork; its imports do not.
        receive, send = FORK.Pipe(duplex=False)
        first = FORK.Process(target=lambda: (self.build(), send.send([*sys.modules])))
        first.start()
        send.close()
        with suppress(EOFError):  # it has said what is wrong
            for name in receive.recv():
                importlib.import_module(name)
        first.join()
        self.changed.touch()

    def build(self, changed: frozenset[Path] = frozenset()) -> None:
        """Read and write what is outdated; warnings are printed."""
        build_sphinx(
            str(self.root),
            str(self.html),
            path_config=str(self.root / "_config.yml"),
            confoverrides={
                "external_toc_path": str(self.root / "_toc.yml"),
                "latex_individualpages": False,
                "nitpicky": True,
            },
            doctreedir=str(self.trees),
            noconfig=True,
            quiet=True,
        )
        decks = self.root / "book" / "slides"
        if any(path.is_relative_to(decks) for path in changed):
            slides.build(self.html / "slides")
        for path in changed:  # where no page is outdated, Sphinx leaves them alone
            if path.is_relative_to(self.root / "book" / "assets"):
                shutil.copy(path, self.html / "_static" / path.name)

    def update(self, changed: frozenset[Path]) -> None:
        """The same in a fork, which leaves nothing behind in this process."""
        process = FORK.Process(target=self.build, args=[changed])
        process.start()
        process.join()
        self.changed.touch()

    def sources(self) -> dict[Path, int]:
        """The files that pages are made of, each with the time of its last change."""
        files = [*self.root.glob("*.yml"), self.root / "CITATION.cff"]
        for folder in FOLDERS:
            files += (self.root / folder).rglob("*.*")
        found = {}
        for path in files:
            parts = path.relative_to(self.root).parts
            passing = any(p.startswith((".", "__")) or p.endswith("~") for p in parts)
            if passing or path.suffix == ".py":
                continue
            try:
                found[path] = path.stat().st_mtime_ns
            except FileNotFoundError:  # gone since it was listed
                continue
        return found

    def follow(self) -> None:
        """Wait for changes, and show them, until interrupted."""
        known = self.sources()
        while True:
            time.sleep(POLL)
            now = self.sources()
            if now == known:
                continue
            while (later := self.sources()) != now:  # it is still being written
                now = later
                time.sleep(POLL)
            changed = frozenset(dict(now.items() ^ known.items()))
            known, start = now, time.monotonic()
            self.update(changed)
            names = ", ".join(sorted(str(p.relative_to(self.root)) for p in changed))
            print(f"{names}: shown after {time.monotonic() - start:.1f} s", flush=True)


class Handler(SimpleHTTPRequestHandler):
    """Serves the pages, each with the script that loads it again."""

    def __init__(self, *args, live: Live, **settings):
        self.live = live
        super().__init__(*args, directory=str(live.html), **settings)

    def do_GET(self):
        if self.path.startswith("/changes?"):
            return self.tell(int(self.path.partition("?")[2]))
        if self.path == "/live.js":
            script = RELOAD.format(self.live.changed.stat().st_mtime_ns)
            return self.answer(script.encode(), "text/javascript")
        path = Path(self.translate_path(self.path))
        if path.suffix != ".html" or not path.is_file():
            return super().do_GET()
        script = b'<script src="/live.js"></script></head>'
        page = path.read_bytes().replace(b"</head>", script, 1)
        return self.answer(page, "text/html; charset=utf-8")

    def answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def tell(self, known: int) -> None:
        """Hold the connection, and say so when the book has changed since then."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            while True:
                now = self.live.changed.stat().st_mtime_ns
                said = b"data: changed\n\n" if now != known else b": alive\n\n"
                known = now
                self.wfile.write(said)
                self.wfile.flush()
                time.sleep(POLL)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the page was closed

    def log_message(self, *args):
        pass


def serve(server: ThreadingHTTPServer) -> None:
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    live = Live(given.root.resolve())
    try:
        server = ThreadingHTTPServer(
            ("127.0.0.1", given.port), partial(Handler, live=live)
        )
    except OSError:
        raise SystemExit(
            f"Port {given.port} is taken; try: make live PORT={given.port + 1}"
        ) from None
    live.prepare()
    # Ended by a signal, too, it ends the server, which would keep the port.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # A process of its own: to fork one that has threads is not safe.
    FORK.Process(target=serve, args=[server], daemon=True).start()
    print(f"Open http://localhost:{given.port} (Ctrl-C stops).", flush=True)
    with suppress(KeyboardInterrupt):
        live.follow()


if __name__ == "__main__":
    main()
