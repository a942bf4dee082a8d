"""A BEAM places keys as a ring of Python does, with nothing but ``erlang:phash2``."""

from __future__ import annotations

from ergopy import Atom, Ring

NODES = [Atom(f"n{number}@127.0.0.1") for number in range(5)]

PLACES = """
    Ring = lists:sort([{erlang:phash2({N, I}, 1 bsl 32), N}
                       || N <- Nodes, I <- lists:seq(0, 127)]),
    Place = fun(Key) ->
        At = erlang:phash2({Key}, 1 bsl 32),
        case lists:dropwhile(fun({P, _}) -> P < At end, Ring) of
            [{_, N} | _] -> N;
            [] -> element(2, hd(Ring))
        end
    end,
    [Place(Key) || Key <- Keys]
"""


async def test_a_beam_places_keys_alike(beam):
    keys = [
        *(f"user:{number}".encode() for number in range(300)),
        *range(-150, 150),
        *(Atom(f"k{number}") for number in range(200)),
        *((Atom("user"), number, [b"x"]) for number in range(200)),
        *({b"k": number / 8} for number in range(100)),
    ]
    ring = Ring(NODES)
    there = await beam.run(PLACES, Nodes=NODES, Keys=keys)
    assert there == [ring.place(key) for key in keys]
