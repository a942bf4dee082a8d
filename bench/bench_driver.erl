%% The client of the benchmark. Reads one command per line (an Erlang term with
%% a full stop), runs it in a process of its own and answers with one line,
%% "ok key=number ..." or "error Reason". Times are microseconds.
-module(bench_driver).
-export([start/0, latency/3, summary/1, repeat/2, rate/2]).

-define(LIMIT, 120_000).

start() -> spawn(fun loop/0).

loop() ->
    case io:read('') of
        {ok, Command} ->
            io:format("~ts~n", [isolated(Command)]),
            loop();
        _ ->
            halt(0)
    end.

isolated(Command) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({result, run(Command)}) end),
    receive
        {'DOWN', Ref, process, Pid, {result, Values}} ->
            ["ok", [io_lib:format(" ~s=~.6f", [K, V * 1.0]) || {K, V} <- Values]];
        {'DOWN', Ref, process, Pid, Reason} ->
            ["error ", io_lib:format("~0.200tp", [Reason])]
    after ?LIMIT ->
        exit(Pid, kill),
        erlang:demonitor(Ref, [flush]),
        "error timeout"
    end.

%% Until the peer answers its first call.
run({await, Node, Milliseconds}) ->
    await(Node, now_us() + Milliseconds * 1000);
run({drop, Node}) ->
    erlang:disconnect_node(Node),
    [];
%% One caller, one call at a time.
run({lone, Node, Size, Count}) ->
    Payload = payload(Size),
    Server = {bench, Node},
    latency(fun() -> gen_server:call(Server, {echo, Payload}) end, Payload, Count);
run({rpc, Node, Count}) ->
    latency(fun() -> rpc:call(Node, bench_peer, echo, [42]) end, 42, Count);
run({erpc, Node, Count}) ->
    latency(fun() -> erpc:call(Node, bench_peer, echo, [42]) end, 42, Count);
%% Many callers, each with one call in flight.
run({many, Node, Callers, Total}) ->
    callers([{bench, Node} || _ <- lists:seq(1, Callers)], Total);
%% The same, but each of them calls a server of its own.
run({each, Node, Callers, Total}) ->
    callers(gen_server:call({bench, Node}, {servers, Callers}, ?LIMIT), Total);
%% Plain messages to the peer; the clock stops when it has counted the last one.
run({inward, Node, Count}) ->
    Server = {bench, Node},
    gen_server:call(Server, report),
    Start = now_us(),
    send(Server, Count),
    Seen = gen_server:call(Server, report, ?LIMIT),
    [{lost, Count - Seen} | rate(Count, now_us() - Start)];
%% Plain messages from the peer; the clock stops when the last one is here.
run({outward, Node, Count}) ->
    Start = now_us(),
    {bench, Node} ! {flood, self(), Count},
    count(0, Count),
    rate(Count, now_us() - Start);
run({bulk, Node, Size, Count}) ->
    Payload = payload(Size),
    Server = {bench, Node},
    Start = now_us(),
    repeat(fun() -> Payload = gen_server:call(Server, {echo, Payload}, ?LIMIT) end,
           Count),
    Elapsed = now_us() - Start,
    [{mb_s, Size * Count / Elapsed}, {count, Count}];
run({stage, Node, Test, Count}) ->
    bench_stage:run(Node, Test, Count);
run({saga, Node, Other, Test, Count}) ->
    bench_saga:run(Node, Other, Test, Count);
run({open, Node, Count}) ->
    bench_saga:open(Node, Count);
run(Command) ->
    bench_signals:run(Command).

await(Node, Deadline) ->
    try gen_server:call({bench, Node}, {echo, ready}, 5000) of
        ready -> []
    catch
        _:Reason ->
            now_us() < Deadline orelse exit(Reason),
            timer:sleep(1),
            await(Node, Deadline)
    end.

latency(Fun, Expected, Count) -> summary(times(Fun, Expected, Count, [])).

%% Nanoseconds of one after the other.
summary(Times) ->
    Sorted = lists:sort(Times),
    Count = length(Sorted),
    [{p50, lists:nth((Count + 1) div 2, Sorted) / 1000},
     {p99, lists:nth(max(1, Count * 99 div 100), Sorted) / 1000}
     | rate(Count, lists:sum(Sorted) / 1000)].

times(_, _, 0, Times) -> Times;
times(Fun, Expected, Count, Times) ->
    Start = erlang:monotonic_time(nanosecond),
    Result = Fun(),
    Time = erlang:monotonic_time(nanosecond) - Start,
    Result =:= Expected orelse exit({unexpected, Result}),
    times(Fun, Expected, Count - 1, [Time | Times]).

callers(Servers, Total) ->
    Each = max(1, Total div length(Servers)),
    Clients = [spawn_monitor(fun() -> client(Server, Each) end) || Server <- Servers],
    Start = now_us(),
    [Pid ! go || {Pid, _} <- Clients],
    [receive {'DOWN', Ref, _, _, normal} -> ok;
             {'DOWN', Ref, _, _, Reason} -> exit(Reason)
     end || {_, Ref} <- Clients],
    rate(Each * length(Servers), now_us() - Start).

client(Server, Count) ->
    receive go -> ok end,
    repeat(fun() -> 42 = gen_server:call(Server, {echo, 42}, ?LIMIT) end, Count).

send(_, 0) -> ok;
send(Server, Count) ->
    Server ! {count, Count},
    send(Server, Count - 1).

count(Total, Total) -> ok;
count(Seen, Total) ->
    receive {item, _} -> count(Seen + 1, Total)
    after 10_000 -> exit({seen, Seen})
    end.

repeat(_, 0) -> ok;
repeat(Fun, Count) ->
    Fun(),
    repeat(Fun, Count - 1).

payload(0) -> 42;
payload(Size) -> binary:copy(<<"0123456789abcdef">>, Size div 16).

rate(Count, Elapsed) -> [{rate, Count * 1.0e6 / Elapsed}, {count, Count}].

now_us() -> erlang:monotonic_time(microsecond).
