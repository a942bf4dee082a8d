%% What the BEAM peer does for the tests of bench_signals, each in a process of its
%% own that answers the call; bench/work.py is the same for our peer.
-module(bench_work).
-behaviour(gen_server).
-export([run/2, quick/0]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(BATCH, 500).

run(From, Request) ->
    spawn(fun() -> gen_server:reply(From, work(Request)) end).

quick() -> ok.

work({spawn, What, Count}) ->
    Start = now_us(),
    batches(fun(Size) -> spawned(What, Size) end, Count),
    (now_us() - Start) / Count;
work({rspawn, Node, Count}) ->
    [time(fun() -> ended(spawn_monitor(Node, bench_work, quick, [])) end)
     || _ <- lists:seq(1, Count)];
work({stage, Task}) -> bench_stage:work(Task);
work({saga, Task}) -> bench_saga:work(Task);
work({workers, Count}) ->
    [spawn(fun idle/0) || _ <- lists:seq(1, Count)];
work({ordered, To, Senders, Count}) ->
    [spawn(fun() -> number(To, Sender, 1, Count) end)
     || Sender <- lists:seq(1, Senders)],
    ok;
work({idle, process, Count}) ->
    [spawn(fun idle/0) || _ <- lists:seq(1, Count)],
    ended(spawn_monitor(fun quick/0));
work({idle, server, Count}) ->
    work({servers, Count}),
    ok;
work({servers, Count}) ->
    [element(2, {ok, _} = gen_server:start(?MODULE, [], []))
     || _ <- lists:seq(1, Count)].

%% The last one of a batch is waited for, and by then all of them have ended.
spawned(plain, Size) ->
    [spawn(fun quick/0) || _ <- lists:seq(2, Size)],
    ended(spawn_monitor(fun quick/0));
spawned(message, Size) ->
    [spawn(fun idle/0) ! stop || _ <- lists:seq(2, Size)],
    {Pid, _} = Last = spawn_monitor(fun idle/0),
    Pid ! stop,
    ended(Last);
spawned(monitor, Size) ->
    [ended(One) || One <- [spawn_monitor(fun quick/0) || _ <- lists:seq(1, Size)]].

idle() -> receive stop -> ok end.

number(_, _, Next, Last) when Next > Last -> ok;
number(To, Sender, Next, Last) ->
    To ! {seq, Sender, Next},
    number(To, Sender, Next + 1, Last).

ended({_, Ref}) -> receive {'DOWN', Ref, process, _, Reason} -> Reason end.

time(Fun) ->
    Start = erlang:monotonic_time(nanosecond),
    normal = Fun(),
    erlang:monotonic_time(nanosecond) - Start.

batches(_, Count) when Count =< 0 -> ok;
batches(Fun, Count) ->
    Fun(min(Count, ?BATCH)),
    batches(Fun, Count - ?BATCH).

now_us() -> erlang:monotonic_time(microsecond).

%% One of many servers.
init([]) -> {ok, none}.

handle_call({echo, Value}, _From, State) -> {reply, Value, State}.

handle_cast(_, State) -> {noreply, State}.
