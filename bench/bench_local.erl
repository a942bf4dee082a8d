%% What a node does within itself, on a BEAM. Reads {Name, Count}. and answers
%% "ok us=...", microseconds for one. bench/local.py is the same for ergopy.
-module(bench_local).
-behaviour(gen_server).
-export([start/0, start_link/0]).
-export([init/1, handle_call/3, handle_cast/2]).

start() ->
    spawn(fun() ->
        {ok, _} = gen_server:start({local, server}, ?MODULE, [], []),
        {ok, _} = supervisor:start_link({local, children}, ?MODULE, supervisor),
        ets:new(registry, [public, named_table, {read_concurrency, true}]),
        [ets:insert(registry, {Key, self()}) || Key <- lists:seq(0, 999)],
        loop()
    end).

loop() ->
    case io:read('') of
        {ok, {Name, Count}} ->
            Self = self(),
            spawn_link(fun() -> Self ! {took, timed(Name, Count)} end),
            receive {took, Micros} -> io:format("ok us=~.6f~n", [Micros * 1.0]) end,
            loop();
        _ ->
            halt(0)
    end.

timed(Name, Count) ->
    Start = erlang:monotonic_time(nanosecond),
    work(Name, Count),
    (erlang:monotonic_time(nanosecond) - Start) / 1000 / Count.

work(call, Count) ->
    Pid = whereis(server),
    repeat(fun() -> 1 = gen_server:call(Pid, 1) end, Count);
work(cast, Count) ->
    Pid = whereis(server),
    repeat(fun() -> gen_server:cast(Pid, 1) end, Count),
    gen_server:call(Pid, 0, infinity);
work(cast_sent, Count) ->
    Pid = whereis(server),
    repeat(fun() -> gen_server:cast(Pid, 1) end, Count);
work(send, Count) ->
    Self = self(),
    Pid = spawn_link(fun() -> sink(Count, Self) end),
    repeat(fun() -> Pid ! 1 end, Count),
    receive done -> ok end;
work(start, Count) ->
    repeat(fun() -> {ok, _} = supervisor:start_child(children, []) end, Count);
work(lookup, Count) ->
    repeat(fun() -> [{500, _}] = ets:lookup(registry, 500) end, Count).

sink(0, To) -> To ! done;
sink(Count, To) -> receive _ -> sink(Count - 1, To) end.

repeat(_, 0) -> ok;
repeat(Fun, Count) ->
    Fun(),
    repeat(Fun, Count - 1).

start_link() -> gen_server:start_link(?MODULE, [], []).

init(supervisor) ->
    Child = #{id => child, start => {?MODULE, start_link, []}, restart => temporary},
    {ok, {#{strategy => simple_one_for_one}, [Child]}};
init([]) -> {ok, 0}.

handle_call(Request, _From, State) -> {reply, Request, State}.

handle_cast(_, State) -> {noreply, State + 1}.
