%% A supervisor whose flags and children the test says.
-module(ergopy_peer_sup).
-behaviour(supervisor).
-export([init/1]).

init({Flags, Children}) -> {ok, {Flags, Children}}.
