%% The reference peer: the work of bench/peer.py on a BEAM node.
-module(bench_peer).
-behaviour(gen_server).
-export([start/0, echo/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

start() ->
    {ok, _} = gen_server:start({local, bench}, ?MODULE, [], []),
    spawn(fun() -> io:get_line(''), halt(0) end).

echo(Value) -> Value.

init([]) -> {ok, 0}.

handle_call({echo, Value}, _From, Seen) -> {reply, Value, Seen};
handle_call(report, _From, Seen) -> {reply, Seen, 0}.

handle_cast(_, Seen) -> {noreply, Seen}.

handle_info({count, _}, Seen) -> {noreply, Seen + 1};
handle_info({flood, To, Count}, Seen) ->
    flood(To, Count),
    {noreply, Seen};
handle_info(_, Seen) -> {noreply, Seen}.

flood(_, 0) -> ok;
flood(To, Count) ->
    To ! {item, Count},
    flood(To, Count - 1).
