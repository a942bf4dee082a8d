"""Real ``iex`` and ``erl`` shells, fed with what a page of the manual says to type.

A transcript is what a reader sees: ``iex> ``, ``...> `` and ``1> `` begin what is
typed, everything else is what the shell should answer, where ``...`` stands for
anything. The shell gets the whole input at once and answers in order.
"""

from __future__ import annotations

import re
import subprocess
from itertools import groupby
from typing import TYPE_CHECKING

from .beam import _environment, otp28_root, which

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60
_TYPED = re.compile(r"(?:iex|\.\.\.|\d+)>(?: |$)")
_PROMPT = re.compile(r"(?:iex|\.\.\.)?\((?:iex|erl)@[\d.]+\)\d+>")
_LOOPBACK = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"

# A message may be on its way when the shell comes to its flush.
_FLUSH = {
    "flush()": "receive do m -> IO.inspect(m) after 9000 -> exit(:nothing) end; :ok",
    "flush().": "receive M -> io:format('Shell got ~p~n', [M]) "
    "after 9000 -> exit(nothing) end, f(M).",
}


def typed(transcript: str) -> str:
    """What a reader types."""
    lines = []
    for line in transcript.splitlines():
        if prompt := _TYPED.match(line):
            text = line[prompt.end() :]
            lines.append(_FLUSH.get(text, text))
    return "\n".join(lines) + "\n"


def answers(transcript: str) -> list[str]:
    """What the shell should say, one string for each stretch between inputs."""
    stretches = groupby(transcript.splitlines(), lambda line: bool(_TYPED.match(line)))
    said = ["\n".join(lines).strip() for is_typed, lines in stretches if not is_typed]
    return [text for text in said if text]


def check(transcript: str, output: str) -> None:
    """Fail unless *output* has every answer, in order, and no other errors."""
    rest = plain(output)
    for answer in answers(transcript):
        found = re.search(re.escape(plain(answer)).replace(r"\.\.\.", ".*?"), rest)
        assert found, f"not in the output:\n{answer}\n\nafter what was found:\n{rest}"
        rest = rest[found.end() :]
    said = len(re.findall(r"\*\* ?\(\w+\)|\*\* exception", output))
    promised = len(re.findall(r"\*\* ?\(\w+\)|\*\* exception", transcript))
    assert said == promised, f"{said} errors instead of {promised}:\n{output}"


def plain(text: str) -> str:
    """The text without prompts and white space: shells break lines as they like."""
    return "".join(_PROMPT.sub("", text).split())


def run(kind: str, text: str, *, folder: Path, epmd_port: int, cookie: str) -> str:
    """Start a shell, type *text*, and return what it printed until its end."""
    with start(kind, folder=folder, epmd_port=epmd_port, cookie=cookie) as shell:
        try:
            printed, _ = shell.communicate(text.encode(), SECONDS)
        finally:
            shell.kill()
    return printed.decode()


def start(
    kind: str, *, folder: Path, epmd_port: int, cookie: str
) -> subprocess.Popen[bytes]:
    """Start a shell, and leave it to the caller what is typed when."""
    more = {}
    if kind == "elixir":
        node = ["--name", "iex@127.0.0.1", "--cookie", cookie, "--erl", _LOOPBACK]
        command = [which("iex"), *node, "--dot-iex", "/dev/null"]
    else:
        node = ["-name", "erl@127.0.0.1", "-setcookie", cookie, *_LOOPBACK.split()]
        command = [which("erl"), *node]
        if kind == "otp28":
            root = otp28_root()
            more["ERL_ROOTDIR"] = str(root)
            command = [str(root / "bin" / "erl"), "-boot", "start_clean", *node]
    return subprocess.Popen(
        command,
        env=_environment(folder, ERL_EPMD_PORT=str(epmd_port), **more),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
