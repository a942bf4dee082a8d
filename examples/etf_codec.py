"""Erlang terms without a node: bytes, text, and order.

In one terminal:

    python examples/etf_codec.py

In another, to see that Erlang reads what was written:

    erl -noshell -eval '{ok, B} = file:read_file("order.etf"),
        io:format("~p~n", [binary_to_term(B)]), halt().'
"""

from pathlib import Path

import etf
from etf import Atom, Charlist


def main() -> None:
    order = {
        Atom("id"): 17,
        Atom("customer"): "Zoë",  # a str is sent as a binary, in UTF-8
        Atom("lines"): [(Atom("sku"), b"A-1", 2), (Atom("sku"), b"B-7", 1)],
        Atom("note"): None,  # the atom nil; EncodeOptions(none="undefined") for Erlang
        Atom("path"): Charlist("/tmp"),  # Erlang's "/tmp", a list of numbers
    }
    data = etf.encode(order)
    Path("order.etf").write_bytes(data)
    print(f"{len(data)} bytes in order.etf")

    back = etf.decode(data)
    print("Python:", back["customer"].decode(), back["lines"][0], back["note"])
    print("Erlang:", etf.format(back))
    print("Elixir:", etf.format(back, "elixir"))

    term = etf.parse('{ok, #{name => <<"x">>, ids => [1, 2]}}')
    print("parsed:", term)

    mixed = [b"text", 1.5, Atom("atom"), (1, 2), 1]
    print("sorted:", etf.format(sorted(mixed, key=etf.sort_key)))

    try:
        etf.encode({"items": [1, {2, 3}]})
    except etf.EncodeError as error:
        print("no term:", error)


if __name__ == "__main__":
    main()
