%% A gen_statem for Python to talk to: a switch that counts how often it went on.
-module(ergopy_peer_switch).
-behaviour(gen_statem).
-export([start/1, init/1, callback_mode/0, off/3, on/3]).
start(Name) -> gen_statem:start({local, Name}, ?MODULE, [], []).
init([]) -> {ok, off, 0}.
callback_mode() -> state_functions.
off(cast, flip, Data) -> {next_state, on, Data + 1};
off({call, From}, What, Data) -> common(From, What, off, Data).
on(cast, flip, Data) -> {next_state, off, Data};
on({call, From}, What, Data) -> common(From, What, on, Data).
common(From, state, State, Data) -> {keep_state_and_data, [{reply, From, {State, Data}}]};
common(_, {stop, Reason}, _, _) -> {stop, Reason}.
