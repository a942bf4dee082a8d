"""What name servers of OTP 25 and 28 were told, told again to ours: it says the same.

``tests/data/globals`` has the messages. A machine stands in for one of the three nodes,
and is given all that the name server there was, also by the locker of that node.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import etf
from ergopy.services.globals import actions as do
from ergopy.services.globals.machine import Machine
from etf import Atom

CAPTURE = Path(__file__).parents[2] / "data" / "globals" / "global.json"
CALL, CAST = Atom("$gen_call"), Atom("$gen_cast")
NET_KERNEL, SERVER = Atom("net_kernel"), Atom("global_name_server")

Heard = dict[Any, list[Any]]


def steps(name: str) -> list[list[Any]]:
    """All that one node got and sent, in order."""
    chapters = json.loads(CAPTURE.read_text())
    return [
        [kind, *(etf.decode(bytes.fromhex(term)) for term in terms)]
        for nodes in chapters.values()
        for kind, *terms in nodes[name]
    ]


def sent_there(name: str) -> Heard:
    """What that name server said to each other node, and whom it disconnected."""
    sent: Heard = defaultdict(list)
    for kind, *terms in steps(name):
        match kind, *terms:
            case "out", (server, node), message if server == SERVER:
                sent[node].append(message)
            case "out", server, (_, (_, node)) if server == NET_KERNEL:
                sent["disconnected"].append(node)
    return sent


class Stand:
    """A machine in the place of a name server."""

    def __init__(self, name: str) -> None:
        own = Atom(f"{name}@127.0.0.1")
        greetings = {
            node: [m[1] for m in messages if m[1][0] == "init_connect"]
            for node, messages in sent_there(name).items()
            if node != "disconnected"
        }
        self._theirs = {node: [g[1][1] for g in of] for node, of in greetings.items()}
        locker = next(iter(greetings.values()))[0][3][3]
        self.machine = Machine(own, 1, locker, random.Random(1))
        self.sent: Heard = defaultdict(list)
        self.tags: dict[int, int] = {}
        """Ours, by those of the capture."""
        self._watched: dict[Any, int] = {}

    def take(self, message: Any) -> None:
        match message:
            case (Atom("nodeup"), node, _):
                self.machine.node_up(node)
            case (Atom("nodedown"), node, _):
                self.machine.node_down(node)
            case (Atom("DOWN"), _, _, pid, _):
                self.machine.down(self._watched.pop(pid))
            case (tag, (Atom("exchange_ops"), node, mine, ops, rest)) if tag == CAST:
                self.machine.exchanged(node, self.tags[mine], ops, rest)
            case (tag, request) if tag == CAST:
                assert self.machine.cast(self.ours(request)), request
            case (tag, from_, (Atom("registrar"), _)) if tag == CALL:
                pass  # a matter of OTP's own
            case (tag, from_, request) if tag == CALL:
                assert self.machine.call(request, from_), request
            case Atom("timeout") | (Atom("EXIT"), _, _):
                pass
            case _:
                assert self.machine.info(self.ours(message), 0.0), message
        for action in self.machine.actions():
            self.see(action)

    def see(self, action: Any) -> None:
        match action:
            case do.Send(node, message):
                if message[0] == CAST and message[1][0] == "init_connect":
                    self.tags[self._theirs[node].pop(0)] = message[1][1][1]
                self.sent[node].append(message)
            case do.Disconnect(node):
                self.sent["disconnected"].append(node)
            case do.Watch(key, pid):
                self._watched[pid] = key

    def ours(self, term: Any) -> Any:
        """The same with our tags."""
        if isinstance(term, tuple):
            return tuple(map(self.ours, term))
        return self.tags.get(term, term) if type(term) is int else term


def plain(message: Any, tags: dict[int, int]) -> Any:
    """What is the same whoever says it: no ids of connections or losses, no order."""
    match message:
        case (_, (Atom("init_connect") as what, (version, tag), node, locker)):
            return what, version, tags.get(tag, tag), node, locker[3]
        case (Atom("lost_connection") as what, node, _, _, lost):
            return what, node, lost
        case tuple():
            return tuple(plain(part, tags) for part in message)
        case list():
            return sorted((plain(part, tags) for part in message), key=repr)
        case int() if type(message) is int:
            return tags.get(message, message)
    return message


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_machine_says_what_the_name_server_said(name: str) -> None:
    stand = Stand(name)
    for kind, *terms in steps(name):
        if kind == "in":
            stand.take(terms[0])
    wanted = {
        node: [plain(message, stand.tags) for message in messages]
        for node, messages in sent_there(name).items()
    }
    said = {
        node: [plain(message, {}) for message in messages]
        for node, messages in stand.sent.items()
    }
    assert said.keys() == wanted.keys()
    for node, messages in wanted.items():
        assert said[node] == messages
