"""A push button with a lamp, as a state machine that a BEAM presses.

In one terminal:

    python examples/push_button.py

In another:

    erl -name erl@127.0.0.1 -setcookie secret
    1> Button = {button, 'py@127.0.0.1'}, gen_statem:cast(Button, push).
    2> gen_statem:call(Button, presses).
    3> gen_statem:stop(Button).

The lamp is on after a push, and off after the next one or a minute later.
"""

import ergopy
from ergopy import StateMachine
from ergopy.gen.state_machine import Keep, Next, Reply, StateTimeout


class Button(StateMachine):
    callback_mode = "state_functions"

    async def init(self):
        self.presses = 0
        return Next("off")

    async def off(self, kind, content):
        if kind == "cast" and content == "push":
            self.presses += 1
            return Next("on", StateTimeout(60))
        return self._common(kind, content)

    async def on(self, kind, content):
        match kind, content:
            case ("cast", "push") | ("state_timeout", _):
                return Next("off")
        return self._common(kind, content)

    def _common(self, kind, content):
        match kind, content:
            case ("call", from_), "presses":
                return Keep(Reply(from_, self.presses))

    async def terminate(self, reason):
        print(f"the lamp is {self.state} after {self.presses} presses: {reason}")
        self.node.close()


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.start(Button, name="button")
        print(f"button is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
