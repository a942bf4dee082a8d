"""``python -m bench``: our node and a BEAM node, the same work, one run."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence

from ._codecs import time_codecs
from ._locals import time_locals
from ._measure import Session
from ._plan import GROUPS
from ._procs import PeerError
from ._report import as_json, codec_table, heading, local_table, node_table
from ._world import Setup, World


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds per line (default 4)")
    parser.add_argument("--only", help=f"groups, with commas: {','.join(GROUPS)}")
    parser.add_argument("--otp", type=int, choices=(25, 28), default=25)
    parser.add_argument("--free", action="store_true", help="do not pin to CPUs")
    parser.add_argument("--quick", action="store_true", help="short, for a smoke test")
    parser.add_argument("--pure", action="store_true", help="our peer uncompiled")
    parser.add_argument("--self", action="store_true", help="BEAM against BEAM")
    parser.add_argument("--python", default=sys.executable, help="runs our peer")
    parser.add_argument("--beam-flags", default="", help="emulator flags of the peers")
    parser.add_argument("--triotp", help="a Python that has triotp, to compare with")
    parser.add_argument("--json", action="store_true", help="all samples, as JSON")
    options = parser.parse_args(argv)
    options.rounds = max(1, options.rounds or (2 if options.quick else 4))
    options.groups = options.only.split(",") if options.only else list(GROUPS)
    unknown = [group for group in options.groups if group not in GROUPS]
    if unknown:
        parser.error(f"unknown group {unknown[0]!r}; there are {', '.join(GROUPS)}")
    return options


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text} ...", end="", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> None:
    setup = Setup(
        otp=options.otp,
        pinned=not options.free,
        itself=options.self,
        pure=options.pure,
        python=options.python,
        beam_flags=tuple(options.beam_flags.split()),
    )
    start = time.monotonic()
    title = heading(setup, rounds=options.rounds)
    world = World(setup)
    try:
        session = Session(world, rounds=options.rounds, quick=options.quick)
        apart = ("codec", "local")
        session.run([g for g in options.groups if g not in apart], progress)
        local = times = None
        if "local" in options.groups:
            local = time_locals(
                world,
                rounds=options.rounds,
                quick=options.quick,
                triotp=options.triotp,
                progress=progress,
            )
        if "codec" in options.groups:
            times = time_codecs(
                world, rounds=options.rounds, quick=options.quick, progress=progress
            )
    finally:
        world.close()
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    if options.json:
        print(json.dumps(as_json(setup, session, times, local, world.kinds), indent=1))
        return
    print(title)
    if session.samples or session.failures:
        print("\n" + node_table(session, world.kinds))
    if local is not None:
        print("\n" + local_table(local))
    if times is not None:
        print("\n" + codec_table(times))
    print(f"\n{time.monotonic() - start:.0f} s")


def main(argv: Sequence[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(parse(argv))
    except PeerError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
