"""Atoms that leave by reference are read as what they were; with both codecs."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

import pytest

import etf
from ergopy.dist.atom_cache import SLOTS
from ergopy.dist.fragmenting import FRAGMENT_SIZE, LargeFrame
from ergopy.dist.framing import LinkDecoder
from etf import Atom, FrozenList, Pid, Reference, TermMap


def apart(*names: str, beside: tuple[str, ...] = ()) -> list[Atom]:
    """These as atoms, with other last letters where two would have one place.

    The hash of a text is another one in each run, and so is its place.
    """
    taken = {hash(name) % SLOTS for name in beside}
    atoms = []
    for name in names:
        last = ord(name[-1])
        spellings = (Atom(name[:-1] + chr(last + more)) for more in range(16))
        atom = next(each for each in spellings if hash(each) % SLOTS not in taken)
        taken.add(hash(atom) % SLOTS)
        atoms.append(atom)
    return atoms


HERE, THERE = apart("here@h", "there@h", beside=("",))
A = Pid(HERE, 1, 0, 1)
B = Pid(THERE, 2, 0, 1)
SEND = (22, A, B)
WATCH = (19, A, B, Reference(HERE, 1, (1, 2, 3)))


def encoder(link: Any, **options: Any) -> Any:
    return link.LinkEncoder(header=True, cache=True, **options)


class Reader:
    """The far end: reads frames in the order in which they come."""

    def __init__(self) -> None:
        self.decoder = LinkDecoder(header=True)

    def messages(self, *frames: bytes) -> list[Any]:
        operations = self.decoder.receive_data(b"".join(frames))
        assert self.decoder.error is None, self.decoder.error
        return [message for _, message in operations]


def references(frame: bytes) -> int:
    assert frame[4:6] == b"\x83D"
    return frame[6]


def colliding() -> tuple[Atom, Atom]:
    """Two atoms that have the same place."""
    seen: dict[int, Atom] = {hash(name) % SLOTS: name for name in (A.node, B.node)}
    for number in count():
        atom = Atom(f"colliding_{number}")
        other = seen.setdefault(hash(atom) % SLOTS, atom)
        if other is not atom and other not in (A.node, B.node):
            return other, atom
    raise AssertionError


@pytest.mark.parametrize("size", [0, 1, 2, 3, 252, 253, 254, 255, 300, 3000])
def test_any_number_of_atoms_is_read_again(link: Any, size: int) -> None:
    names = [Atom(f"any_{size}_{number}") for number in range(size)]
    sender, reader = encoder(link), Reader()
    frames = [sender.frame(SEND, names) for _ in range(3)]
    assert reader.messages(*frames) == [names] * 3
    # Those of the control tuple come first; two with one place do without.
    assert references(frames[0]) == references(frames[1]) <= min(255, 2 + size)
    assert size < 200 or references(frames[0]) > 150
    assert len(frames[1]) == len(frames[2])
    assert size == 0 or len(frames[1]) < len(frames[0])


def test_a_frame_that_names_nobody_has_no_references(link: Any) -> None:
    sender = encoder(link)
    frame = sender.frame((99, 1), [1, 2.5, b"text"])
    assert references(frame) == 0
    assert frame == link.LinkEncoder(header=True).frame((99, 1), [1, 2.5, b"text"])


def test_constants_are_atoms_too(link: Any) -> None:
    for none in ("nil", "undefined"):
        options = etf.EncodeOptions(none=none)
        sender, reader = encoder(link, options=options), Reader()
        frames = [sender.frame(SEND, [True, False, None]) for _ in range(2)]
        last = None if none == "nil" else Atom("undefined")
        assert reader.messages(*frames) == [[True, False, last]] * 2
        sent = (A.node, B.node, Atom("true"), Atom("false"), Atom(none))
        places = {hash(atom) % SLOTS for atom in sent}
        assert references(frames[1]) == len(places)
        if len(places) == 5:  # else two of them have one place, in this process
            assert frames[1].endswith(b"l\0\0\0\3R\2R\3R\4j")


def test_of_two_atoms_with_one_place_the_second_goes_plain(link: Any) -> None:
    one, two = colliding()
    sender, reader = encoder(link), Reader()
    for first, second in ((one, two), (two, one)):
        frame = sender.frame(SEND, [first, second, first, second])
        assert references(frame) == 3
        assert reader.messages(frame) == [[first, second, first, second]]
        written_out = b"w" + bytes([len(second)]) + second.encode()
        assert frame.count(written_out) == 2
        assert reader.messages(sender.frame(SEND, second)) == [second]


def test_thousands_of_atoms_evict_each_other(link: Any) -> None:
    names = [Atom(f"evicted_{number}") for number in range(6000)]
    chosen = random.Random(3)
    sender, reader = encoder(link), Reader()
    for _ in range(400):
        message = chosen.choices(names, k=chosen.randrange(40))
        assert reader.messages(sender.frame(SEND, message)) == [message]


@pytest.mark.parametrize("size", [127, 128, 200, 255])
def test_long_names_travel_beside_short_ones(link: Any, size: int) -> None:
    names = apart("ok", "£" * size, "a" * 255, beside=(HERE, THERE, ""))
    message = [Atom(""), *names]
    sender, reader = encoder(link), Reader()
    frames = [sender.frame(SEND, message) for _ in range(2)]
    assert reader.messages(*frames) == [message] * 2
    long_atoms = frames[0][7 + 6 // 2] & 1
    assert bool(long_atoms) == (size > 127)
    assert len(frames[1]) < 100


def test_names_of_one_text_may_be_several_objects(link: Any) -> None:
    # As when the table of atoms is full.
    twins = [str.__new__(Atom, "a_twin") for _ in range(3)]
    sender, reader = encoder(link), Reader()
    for _ in range(2):
        assert reader.messages(sender.frame(SEND, twins)) == [["a_twin"] * 3]


def test_atoms_in_rare_terms_are_read_again(link: Any) -> None:
    a, b = Atom("rare_a"), Atom("rare_b")
    fun = etf.Fun(a, 1, bytes(16), 0, 1, 2, A, (b, [a], True))
    message = [a, fun, etf.Export(a, b, 1), etf.Port(a, 7, 1), Reference(b, 1, (5,)), b]
    sender, reader = encoder(link), Reader()
    frames = [sender.frame(SEND, message) for _ in range(2)]
    for got in reader.messages(*frames):
        assert etf.same(got, message)


class Spelled:
    """Becomes an atom when it is sent."""

    (name,) = apart("spelled", beside=(HERE, THERE))

    def __etf__(self) -> Atom:
        return self.name


def test_what_becomes_an_atom_is_one(link: Any) -> None:
    sender, reader = encoder(link), Reader()
    name = Spelled.name
    frame = sender.frame(SEND, [Spelled(), name, {Spelled(): Spelled()}])
    assert reader.messages(frame) == [[name, name, {name: name}]]
    assert references(frame) == 3


@pytest.mark.parametrize(
    "keys",
    [
        (True, Atom("true")),
        (None, Atom("nil")),
        (FrozenList([Atom("x")]), FrozenList([Atom("x")])),
        (TermMap([(Atom("x"), 1), (Atom("y"), 2)]), (Atom("y"), 1)),
        (
            TermMap([(Atom("x"), 1), (Atom("y"), 2)]),
            TermMap([(Atom("y"), 2), (Atom("x"), 1)]),
        ),
    ],
)
def test_two_keys_that_are_one_term_are_refused(
    link: Any, keys: tuple[Any, Any]
) -> None:
    sender, reader = encoder(link), Reader()
    message = TermMap([(keys[0], 1)])
    pairs = [(keys[0], Atom("first")), ("a", 1), (b"b", 2), (keys[1], Atom("second"))]
    same = etf.same(*keys)
    try:
        frame = sender.frame(SEND, dict(pairs))
    except etf.EncodeError:
        assert same
    else:
        assert not same or len(dict(pairs)) == 3
        reader.messages(frame)
    ((got),) = reader.messages(sender.frame(SEND, message))
    assert etf.same(got, message)


def test_what_could_not_be_made_is_not_taken_for_sent(link: Any) -> None:
    new = [Atom(f"unsent_{number}") for number in range(50)]
    sender, reader = encoder(link), Reader()
    assert reader.messages(sender.frame(SEND, new[:10])) == [new[:10]]
    attempts = [
        lambda: sender.frame(SEND, [*new, object()]),
        lambda: sender.control((22, *new, object())),
        lambda: sender.call(WATCH, SEND, [*new, object()]),
        lambda: sender.call((19, *new), SEND, [*new, object()]),
        lambda: sender.call((19, *new, object()), SEND, []),
        lambda: sender.frame_payload((22, *new, object()), b"j"),
        lambda: sender.payload([*new, object()]),
    ]
    for attempt in attempts:
        made = sender.frames
        with pytest.raises(etf.EncodeError):
            attempt()
        assert sender.frames == made
        assert reader.messages(sender.frame(SEND, 1)) == [1]
    assert reader.messages(sender.frame(SEND, new)) == [new]


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, LookupError])
def test_an_error_of_a_converter_puts_everything_back(
    link: Any, error: type[BaseException]
) -> None:
    def default(_: object) -> object:
        raise error

    new = [Atom(f"interrupted_{number}") for number in range(50)]
    sender = encoder(link, options=etf.EncodeOptions(default=default))
    with pytest.raises(error):
        sender.frame(SEND, [*new, object()])
    with pytest.raises(error):
        sender.frame(SEND, [new, object(), new])
    assert Reader().messages(sender.frame(SEND, new)) == [new]


def test_a_converter_may_send_amid_another_message(link: Any) -> None:
    inner: list[bytes] = []
    names = [Atom(f"nested_{number}") for number in range(5)]

    def default(_: object) -> object:
        inner.append(sender.frame(SEND, names))
        return names[0]

    sender = encoder(link, options=etf.EncodeOptions(default=default))
    outer = sender.frame(SEND, [names, object()])
    # It leaves before the other one, and has nothing that was not sent.
    assert references(inner[0]) == 0
    got = Reader().messages(*inner, outer, sender.frame(SEND, names))
    assert got == [*[names] * len(inner), [names, names[0]], names]


def test_the_frames_of_a_call_are_those_that_would_be_made_one_by_one(
    link: Any,
) -> None:
    one, other = encoder(link), encoder(link)
    for message in (
        [],
        Atom("a"),
        [Atom(f"call_{n}") for n in range(300)],
        bytes(9000),
    ):
        both = one.call(WATCH, (6, A, Atom(""), Atom("desk")), message)
        single = (
            other.control(WATCH),
            other.frame((6, A, Atom(""), Atom("desk")), message),
        )
        assert both == b"".join(single)
    assert one.frames == other.frames == 8
    plain = link.LinkEncoder(header=False)
    assert plain.call(WATCH, SEND, 1) == plain.control(WATCH) + plain.frame(SEND, 1)


def test_a_message_made_for_many_has_no_references(link: Any) -> None:
    sender, reader = encoder(link), Reader()
    names = [Atom(f"for_many_{number}") for number in range(5)]
    payload = sender.payload(names)
    frames = [sender.frame_payload(SEND, payload) for _ in range(3)]
    assert reader.messages(*frames) == [names] * 3
    assert payload == etf.encode(names)[1:]
    assert [references(frame) for frame in frames] == [2, 2, 2]


def test_a_large_message_is_given_in_parts(link: Any) -> None:
    sender = encoder(link, fragments=True)
    names = [Atom(f"in_parts_{number}") for number in range(300)]
    message = [names, bytes(FRAGMENT_SIZE)]
    frame = sender.call(WATCH, SEND, message)
    assert isinstance(frame, LargeFrame)
    size = len(frame.control) + len(frame.payload)
    whole = b"\x83D" + frame.atoms + frame.control + bytes(frame.payload)
    wire = frame.before + len(whole).to_bytes(4, "big") + whole
    assert Reader().messages(wire) == [None, message]
    assert frame.count() == -(-size // FRAGMENT_SIZE) == 2
    assert len(frame) == len(frame.before) + size


def test_the_payload_of_a_large_message_for_many_is_not_copied(link: Any) -> None:
    sender = encoder(link, fragments=True)
    payload = sender.payload(bytes(FRAGMENT_SIZE))
    frames = [sender.frame_payload(SEND, payload) for _ in range(2)]
    assert all(frame.payload.obj is payload for frame in frames)
    small = sender.payload(bytes(FRAGMENT_SIZE - 100))
    assert isinstance(sender.frame_payload(SEND, small), bytes)


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_a_message_of_64_kib_is_whole_and_a_byte_more_is_not(
    link: Any, size: int
) -> None:
    plain = link.LinkEncoder(header=True, fragments=True)
    control = len(plain.control(SEND)) - 7
    message = bytes(FRAGMENT_SIZE - control - 5 + size)
    frames = [
        plain.frame(SEND, message),
        plain.frame_payload(SEND, plain.payload(message)),
    ]
    for frame in frames:
        assert isinstance(frame, LargeFrame) == (size > 0)


def test_a_control_tuple_is_never_cut(link: Any) -> None:
    plain = link.LinkEncoder(header=True, fragments=True)
    huge = (22, bytes(FRAGMENT_SIZE))
    for frame in (
        plain.control(huge),
        plain.frame(huge, b"x"),
        plain.call(huge, SEND, b"x"),
        plain.frame_payload(huge, plain.payload(b"x")),
    ):
        assert isinstance(frame, bytes)
