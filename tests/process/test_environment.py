"""The environment of a process: inherited when it starts, and its own after that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import ergopy
from tests.runtimes import find, idle, inside, running, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_a_process_begins_with_what_its_starter_has(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        process.env["colour"] = "red"
        child = find(runtime, await process.spawn(idle))
        return dict(child.env)

    assert await inside(runtime, body) == {"colour": "red"}


async def test_a_process_without_any_has_an_empty_one(runtime: Runtime) -> None:
    process = sleeper(runtime)
    assert dict(process.env) == {}
    assert process.env.get("colour") is None
    with pytest.raises(KeyError, match="colour"):
        process.env["colour"]
    with pytest.raises(KeyError, match="colour"):
        del process.env["colour"]


async def test_nobody_else_sees_a_change(runtime: Runtime) -> None:
    parent = sleeper(runtime)
    parent.env["level"] = 1
    first = find(runtime, await parent.spawn(idle))
    second = find(runtime, await parent.spawn(idle))
    first.env["level"] = 2
    first.env["more"] = True
    parent.env["late"] = "too late"
    assert dict(first.env) == {"level": 2, "more": True}
    assert dict(second.env) == {"level": 1}
    assert dict(parent.env) == {"level": 1, "late": "too late"}


async def test_what_is_deleted_is_gone_for_those_below_only(runtime: Runtime) -> None:
    parent = sleeper(runtime)
    parent.env.update(a=1, b=2)
    child = find(runtime, await parent.spawn(idle))
    del child.env["a"]
    grandchild = find(runtime, await child.spawn(idle))
    assert dict(grandchild.env) == {"b": 2}
    assert dict(parent.env) == {"a": 1, "b": 2}


async def test_helper_tasks_share_the_environment_of_their_process(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        seen = []

        async def help_out() -> None:
            seen.append(dict(ergopy.self().env))
            ergopy.self().env["from"] = "helper"

        process.env["from"] = "body"
        process.start_soon(help_out)
        await settle()
        return seen, dict(process.env)

    assert await inside(runtime, body) == ([{"from": "body"}], {"from": "helper"})


async def test_a_behaviour_has_the_environment_of_its_starter_in_init(
    runtime: Runtime,
) -> None:
    class Server(ergopy.GenServer):
        async def init(self) -> None:
            self.seen = dict(self.env)
            self.env["own"] = 1

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.seen, dict(self.env)

    async def body(process: Process) -> Any:
        process.env["given"] = 0
        return await process.call(await process.start(Server), "both")

    assert await inside(runtime, body) == ({"given": 0}, {"given": 0, "own": 1})


async def test_what_the_node_starts_begins_with_that_of_the_node(
    runtime: Runtime,
) -> None:
    runtime.root.env["base"] = 1

    async def body(process: Process) -> Any:
        process.env["mine"] = 2
        return dict(sleeper(runtime).env)

    assert await inside(runtime, body) == {"base": 1}


@pytest.mark.parametrize("name", [1, b"bytes", None, ("a",)])
async def test_a_name_that_is_no_text_is_refused(runtime: Runtime, name: Any) -> None:
    process = sleeper(runtime)
    with pytest.raises(TypeError, match="a variable is a str"):
        process.env[name] = 1
    assert not process.env


async def test_a_value_is_not_shown_by_repr(runtime: Runtime) -> None:
    process = sleeper(runtime)
    assert repr(process.env).endswith(": empty>")
    process.env["password"] = "hush"
    assert "password" in repr(process.env)
    assert "hush" not in repr(process.env)


async def test_processes_that_change_nothing_share_one_mapping(
    runtime: Runtime,
) -> None:
    parent = sleeper(runtime)
    parent.env["a"] = 1
    child = find(runtime, await parent.spawn(idle))
    assert child.environment is parent.environment


def test_an_environment_of_a_node_that_is_no_mapping_is_refused() -> None:
    wrong: Any = ["a"]
    with pytest.raises(TypeError, match="an environment is a mapping"):
        ergopy.Node("a@127.0.0.1", cookie="x", environment=wrong)


_NAMES = st.sampled_from("abc")
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, 9)),
        st.tuples(st.just("set"), st.integers(0, 9), _NAMES, st.integers()),
        st.tuples(st.just("delete"), st.integers(0, 9), _NAMES),
    ),
    max_size=30,
)


@given(_STEPS)
def test_any_history_is_that_of_copies_made_at_the_start(steps: list[Any]) -> None:
    async def main() -> None:
        async with running() as runtime:
            processes = [sleeper(runtime)]
            copies: list[dict[str, int]] = [{}]
            for action, which, *rest in steps:
                which %= len(processes)
                process, expected = processes[which], copies[which]
                if action == "start":
                    pid = await process.spawn(idle)
                    processes.append(find(runtime, pid))
                    copies.append(dict(expected))
                elif action == "set":
                    process.env[rest[0]] = expected[rest[0]] = rest[1]
                else:
                    assert process.env.pop(rest[0], 0) == expected.pop(rest[0], 0)
            assert [dict(process.env) for process in processes] == copies

    trio.run(main)
