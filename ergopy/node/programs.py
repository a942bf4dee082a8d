"""What a spawn request runs: a module, a function and arguments, made a program.

BEAMs wrap what they spawn: ``spawn(Node, Fun)`` is ``erlang:apply(Fun, [])``, all of
``proc_lib`` is ``proc_lib:init_p``, and an OTP behaviour is ``gen:init_it`` inside of
that. These do here what they do there: they say how the process is to be set up and
come to the next module, function and arguments, until those are a program that was
provided. Anything else ends the process with the reason that it has on a BEAM.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn, final

from etf import Atom, Export, Fun, Pid

from ..errors import Exit, NameTaken
from ..process import global_names
from ..process.atoms import ANCESTORS, BADARG, ERROR, INITIAL_CALL, UNDEF
from ..process.init_ack import IGNORED, InitAck
from .checks import is_atom

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.process import Process
    from .exports import Exports, Program

logger = logging.getLogger("ergopy.node")

_APPLY = Atom("apply")
_ERLANG = Atom("erlang")
_FUNCTION_CLAUSE = Atom("function_clause")
_GEN = Atom("gen")
_INIT = Atom("init")
_INIT_IT = Atom("init_it")
_INIT_P = Atom("init_p")
_PROC_LIB = Atom("proc_lib")

_APPLY_FUN: Any = (_ERLANG, _APPLY, 2, [])

_GEN_MODULES = ("gen_server", "gen_statem")
_SUPERVISORS = ("supervisor",)

_SPAWNER: Any = object()
"""As the one who waits for a start: the process that asked for it."""


def choose(
    exports: Exports, module: Any, function: Any, arguments: Any
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return the body of a process that is to run that function, and its arguments.

    The third is how it was provided, for ``Runtime.create``. The arity of a request is
    not looked at; a BEAM does not do so either.
    """
    if isinstance(arguments, list):
        program = exports.program(module, function)
        if (
            program is not None
            and program.name is None
            and program.takes(len(arguments))
        ):
            return program, tuple(arguments), program.settings
    plan = Plan(exports)
    plan.make(module, function, arguments)
    settings = {} if plan.program is None else plan.program.settings
    return launch, (plan,), settings


async def launch(process: Process, plan: Plan) -> None:
    """Be the body of a process that was planned."""
    ack = plan.set_up(process)
    try:
        await plan.claim_names(process)
        program, arguments = plan.ready(process)
        await program.enter(process, arguments, ack)
    except _Taken as taken:
        if ack is None:
            raise Exit(taken.answer) from None
        await ack.refuse((ERROR, taken.answer))
    else:
        if ack is not None and ack.ignored:
            await ack.refuse(IGNORED)


class _Taken(Exception):
    """A name that the process is to have belongs to another."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.answer = (Atom("already_started"), owner)


@final
class Plan:
    """How a process is to begin; made before there is a process."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports
        self.program: Program | None = None
        self._module: Any = None
        self._function: Any = None
        self._arguments: list[Any] = []
        self._failure: Exit | None = None
        self._dictionary: dict[Any, Any] = {}
        self._starter: Any = None
        self._parent: Any = None
        self._gen: Any = None
        self._name: Any = None
        self._frames: list[Any] = []

    def make(self, module: Any, function: Any, arguments: Any) -> None:
        """Go from what was asked for to a program, or to the reason of a failure."""
        try:
            self.apply(module, function, arguments)
            while True:
                name = self._module, self._function
                program = self._exports.program(*name)
                if program is not None and self._fits(program):
                    self.program = program
                    return
                unwrap = _WRAPPERS.get((*name, len(self._arguments)))
                if unwrap is None:
                    self._fail(UNDEF, *name, self._arguments)
                unwrap(self, *self._arguments)
        except Exit as failure:
            self._failure = failure.with_traceback(None)

    def _fits(self, program: Program) -> bool:
        """Tell whether *program* takes the arguments, and adapt them if need be."""
        if program.takes(len(self._arguments)):
            return True
        # gen_server:start(Mod, Args, []) calls Mod:init(Args): one term. For an init
        # without parameters [] stands for none.
        if self._gen is not None and self._arguments == [[]] and program.takes(0):
            self._arguments = []
            return True
        logger.warning(
            "spawn of %s:%s: the program does not take %d arguments",
            self._module,
            self._function,
            len(self._arguments),
        )
        return False

    def set_up(self, process: Process) -> InitAck | None:
        """Prepare *process*; return who waits for it to be up."""
        process.dictionary.update(self._dictionary)
        starter = process.parent if self._starter is _SPAWNER else self._starter
        if self._gen is not None:
            # With no parent, 'self', no exit is one of a parent.
            parent = self._parent
            process.parent = parent if isinstance(parent, Pid) else process.pid
        if self._starter is None:
            return None
        process.label = f"{self._module}:{self._function}/{len(self._arguments)}"
        return InitAck(process, starter)

    async def claim_names(self, process: Process) -> None:
        """Register *process* as it was asked for, and as the program wants it."""
        for name in (self._name, self.program and self.program.name):
            if name is None:
                continue
            try:
                if isinstance(name, tuple):
                    await global_names.names_of(process.runtime).claim(process, name[1])
                else:
                    process.register(name)
            except NameTaken as taken:
                raise _Taken(taken.owner) from None
            except ValueError:
                # It is 'undefined', which OTP finds taken as well.
                raise _Taken(name) from None

    def ready(self, process: Process) -> tuple[Program, tuple[Any, ...]]:
        """Return the program and its arguments, now that it is to begin.

        Raises:
            Exit: There is none.
        """
        if self._gen is not None and not _is_one_of(self._gen, _GEN_MODULES):
            args = self._arguments[0] if self._arguments else []
            name: Any = process.pid
            if self._name is not None:
                is_local = isinstance(self._name, Atom)
                name = (Atom("local"), self._name) if is_local else self._name
            asked = [self._starter, self._parent, name, self._module, args, []]
            self._fail(UNDEF, self._gen, _INIT_IT, asked)
        if self._failure is not None:
            raise self._failure
        assert self.program is not None
        return self.program, tuple(self._arguments)

    def _fail(self, why: Any, module: Any, function: Any, args: Any) -> NoReturn:
        """End the process as an error in that call does."""
        raise Exit((why, [(module, function, args, []), *self._frames]))

    def apply(self, module: Any, function: Any, arguments: Any) -> None:
        """``erlang:apply/3``: the next step of the way."""
        if not (is_atom(module) and is_atom(function) and isinstance(arguments, list)):
            self._fail(BADARG, _ERLANG, _APPLY, [module, function, arguments])
        self._module, self._function, self._arguments = module, function, arguments

    def apply_fun(self, fun: Any, arguments: Any) -> None:
        """``erlang:apply/2``: a fun that has no name is code of a BEAM."""
        if not isinstance(arguments, list):
            self._fail(BADARG, _ERLANG, _APPLY, [fun, arguments])
        if isinstance(fun, Fun):
            raise Exit((UNDEF, [(fun, arguments, []), *self._frames]))
        if not isinstance(fun, Export):
            raise Exit(((Atom("badfun"), fun), [_APPLY_FUN]))
        if fun.arity != len(arguments):
            raise Exit(((Atom("badarity"), (fun, arguments)), [_APPLY_FUN]))
        self.apply(fun.module, fun.function, arguments)

    def init_p_fun(self, parent: Any, ancestors: Any, fun: Any) -> None:
        """``proc_lib:init_p/3``."""
        if not isinstance(fun, Fun | Export):
            arguments = [parent, ancestors, fun]
            self._fail(_FUNCTION_CLAUSE, _PROC_LIB, _INIT_P, arguments)
        self._frames.append((_PROC_LIB, _INIT_P, 3, []))
        call = (_ERLANG, _APPLY, 2)
        if isinstance(fun, Export):
            call = (fun.module, fun.function, fun.arity)
        self._remember(parent, ancestors, call)
        self.apply_fun(fun, [])

    def init_p(
        self, parent: Any, ancestors: Any, module: Any, function: Any, arguments: Any
    ) -> None:
        """``proc_lib:init_p/5``."""
        if not (is_atom(module) and is_atom(function) and isinstance(arguments, list)):
            everything = [parent, ancestors, module, function, arguments]
            self._fail(_FUNCTION_CLAUSE, _PROC_LIB, _INIT_P, everything)
        self._frames.append((_PROC_LIB, Atom("init_p_do_apply"), 3, []))
        self._remember(parent, ancestors, (module, function, len(arguments)))
        self.apply(module, function, arguments)

    def _remember(self, parent: Any, ancestors: Any, call: Any) -> None:
        """Fill in the dictionary; *parent* may be the name that it has over there."""
        above = ancestors if isinstance(ancestors, list) else []
        self._dictionary = {ANCESTORS: [parent, *above], INITIAL_CALL: call}
        self._starter = _SPAWNER

    def init_it(
        self, gen: Any, starter: Any, parent: Any, mod: Any, args: Any, _: Any
    ) -> None:
        """``gen:init_it/6``: what ``gen_server:start`` spawns."""
        self._gen, self._starter, self._parent = gen, starter, parent
        if _is_one_of(mod, _SUPERVISORS) and isinstance(args, tuple) and len(args) == 3:
            _, mod, args = args
        self._dictionary[INITIAL_CALL] = (mod, _INIT, 1)
        self.apply(mod, _INIT, [args])

    def init_it_named(
        self,
        gen: Any,
        starter: Any,
        parent: Any,
        name: Any,
        mod: Any,
        args: Any,
        options: Any,
    ) -> None:
        """``gen:init_it/7``: the same, with a name that is to be free."""
        match name:
            case (Atom("local"), Atom() as local):
                self._name = local
            case (Atom("global"), _):
                self._name = name
            case _:
                self._fail(_FUNCTION_CLAUSE, _GEN, Atom("register_name"), [name])
        self.init_it(gen, starter, parent, mod, args, options)


def _is_one_of(term: Any, names: tuple[str, ...]) -> bool:
    return isinstance(term, Atom) and term in names


_WRAPPERS: dict[Any, Callable[..., None]] = {
    (_ERLANG, _APPLY, 2): Plan.apply_fun,
    (_ERLANG, _APPLY, 3): Plan.apply,
    (_PROC_LIB, _INIT_P, 3): Plan.init_p_fun,
    (_PROC_LIB, _INIT_P, 5): Plan.init_p,
    (_GEN, _INIT_IT, 6): Plan.init_it,
    (_GEN, _INIT_IT, 7): Plan.init_it_named,
}
"""Functions of OTP that start others, by module, name and arity."""
