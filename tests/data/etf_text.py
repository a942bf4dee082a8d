"""Write etf_text.json: what real BEAM nodes print, and how they sort.

    python tests/data/etf_text.py [path of an OTP 28 erl]

Needs erl, erlc and elixir on PATH. ``text``: for every term its bytes, ``~0tp`` of the
``erl`` given (or the one on PATH) in a plain shell and with ``+pc unicode``, and
Elixir's ``inspect``. ``order``: for each release the bytes of terms in ascending order,
with a rank that terms equal under ``==`` share.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
INSPECT = """
for line <- IO.stream(:stdio, :line) do
  data = line |> String.trim() |> Base.decode16!(case: :lower)
  term = :erlang.binary_to_term(data)
  inspect(term, limit: :infinity, printable_limit: :infinity, width: :infinity)
  |> Base.encode64() |> IO.puts()
end
"""


def run(erl: str, folder: str, *flags: str) -> list[list[str]]:
    command = [erl, "-noshell", "-pa", folder, *flags, "-s", "etf_text", "main"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split(" ") for line in out.splitlines()]


def text_of(data: str) -> str:
    return base64.b64decode(data).decode()


def inspected(terms: list[str]) -> list[str]:
    lines = "\n".join(terms) + "\n"
    command = ["elixir", "-e", INSPECT]
    out = subprocess.run(
        command, input=lines, capture_output=True, text=True, check=True
    )
    return list(map(text_of, out.stdout.splitlines()))


def main() -> None:
    erls = {"25": "erl", "28": sys.argv[1] if len(sys.argv) > 1 else "erl"}
    source = str(HERE / "etf_text.erl")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["erlc", "-o", folder, source], check=True)
        plain = run(erls["28"], folder)
        wide = run(erls["28"], folder, "+pc", "unicode")
        orders = {otp: run(erl, folder) for otp, erl in erls.items()}
    rows = [
        (row[1], text_of(row[2]), text_of(other[2]))
        for row, other in zip(plain, wide, strict=True)
        if row[0] == "text"
    ]
    elixir = inspected([term for term, _, _ in rows])
    fixture = {
        "text": [[*row, text] for row, text in zip(rows, elixir, strict=True)],
        "order": {
            otp: [[int(row[1]), row[2]] for row in lines if row[0] == "rank"]
            for otp, lines in orders.items()
        },
    }
    target = HERE / "etf_text.json"
    target.write_text(json.dumps(fixture, indent=0, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
