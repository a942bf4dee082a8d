%% The reference peer: the work of bench/peer.py on a BEAM node.
-module(bench_peer).
-behaviour(gen_server).
-export([start/0, echo/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

start() ->
    {ok, _} = gen_server:start({local, bench}, ?MODULE, [], []),
    spawn(fun() -> io:get_line(''), halt(0) end).

echo(Value) -> Value.

%% The messages seen, the last number of each sender, and the numbers out of order.
init([]) ->
    process_flag(trap_exit, true),
    {ok, {0, #{}, 0}}.

handle_call({echo, Value}, _From, State) -> {reply, Value, State};
handle_call(report, _From, {Seen, Last, Wrong}) -> {reply, Seen, {0, Last, Wrong}};
handle_call(order, _From, {Seen, _, Wrong}) -> {reply, {Seen, Wrong}, {0, #{}, 0}};
handle_call(pid, _From, State) -> {reply, self(), State};
handle_call(Request, From, State) ->
    bench_work:run(From, Request),
    {noreply, State}.

handle_cast(_, State) -> {noreply, State}.

handle_info({count, _}, {Seen, Last, Wrong}) -> {noreply, {Seen + 1, Last, Wrong}};
handle_info({seq, Sender, Number}, {Seen, Last, Wrong}) ->
    More = case maps:get(Sender, Last, 0) + 1 of Number -> 0; _ -> 1 end,
    {noreply, {Seen + 1, Last#{Sender => Number}, Wrong + More}};
handle_info({'EXIT', _, done}, {Seen, Last, Wrong}) ->
    {noreply, {Seen + 1, Last, Wrong}};
handle_info({flood, To, Count}, State) ->
    flood(To, Count),
    {noreply, State};
handle_info(_, State) -> {noreply, State}.

flood(_, 0) -> ok;
flood(To, Count) ->
    To ! {item, Count},
    flood(To, Count - 1).
