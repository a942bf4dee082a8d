%% The driver's tests of links, monitors, spawning and order; see bench_driver.
-module(bench_signals).
-export([run/1]).

-define(LIMIT, 120_000).
-define(BATCH, 500).

%% Processes of the peer that the peer itself starts; it says how long one took.
run({spawn, Node, What, Count}) ->
    [{us, ask(Node, {spawn, What, Count})}, {count, Count}];
%% Remote spawn and the DOWN of its end, one at a time: from here, and from there.
run({rspawn, Node, Count}) ->
    bench_driver:latency(fun() -> ended(spawn_monitor(Node, bench_work, quick, [])) end,
                         normal, Count);
run({rspawn_back, Node, Count}) ->
    bench_driver:summary([round(Time) || Time <- ask(Node, {rspawn, node(), Count})]);
%% Link and unlink; the last answer says that the peer has seen them all.
run({links, Node, Count}) ->
    Pid = ask(Node, pid),
    timed(fun() ->
              bench_driver:repeat(fun() -> link(Pid), unlink(Pid) end, Count),
              ask(Node, report)
          end, Count);
%% A process here links and ends, and the peer, which traps exits, counts.
run({link_exits, Node, Count}) ->
    Pid = ask(Node, pid),
    ask(Node, report),
    End = fun() -> link(Pid), exit(done) end,
    Lost = fun() ->
               batches(fun(Size) -> [ended(One) || One <- start(End, Size)] end, Count),
               Count - ask(Node, report)
           end,
    timed(Lost, lost, Count);
run({monitors, Node, Count}) ->
    Pid = ask(Node, pid),
    timed(fun() ->
              bench_driver:repeat(fun() -> demonitor(monitor(process, Pid)) end, Count),
              ask(Node, report)
          end, Count);
%% Processes of the peer that are there already: monitor, ask to end, DOWN.
run({downs, Node, Count}) ->
    Pids = ask(Node, {workers, Count}),
    timed(fun() ->
              Refs = [{Pid, monitor(process, Pid)} || Pid <- Pids],
              [Pid ! stop || Pid <- Pids],
              [normal = ended(Ref) || Ref <- Refs]
          end, Count);
%% Numbered messages of ten senders; the receiver checks each sender's order.
run({order_in, Node, Count}) ->
    ask(Node, order),
    Send = fun(Sender) -> number({bench, Node}, Sender, 1, Count div 10) end,
    Start = now_us(),
    Senders = [spawn_monitor(fun() -> Send(Sender) end) || Sender <- lists:seq(1, 10)],
    [normal = ended(Sender) || Sender <- Senders],
    {Seen, Wrong} = ask(Node, order),
    [{wrong, Wrong + Count div 10 * 10 - Seen} | rate(Count, Start)];
run({order_out, Node, Count}) ->
    Start = now_us(),
    ok = ask(Node, {ordered, self(), 10, Count div 10}),
    Wrong = check(#{}, Count div 10 * 10, 0),
    [{wrong, Wrong} | rate(Count, Start)];
%% Processes of the peer that wait; the benchmark looks at its memory meanwhile.
run({idle, Node, What, Count}) ->
    ask(Node, {idle, What, Count}),
    [{count, Count}].

ask(Node, Request) -> gen_server:call({bench, Node}, Request, ?LIMIT).

start(Fun, Count) -> [spawn_monitor(Fun) || _ <- lists:seq(1, Count)].

ended({_, Ref}) ->
    receive {'DOWN', Ref, process, _, Reason} -> Reason
    after 20_000 -> exit(no_down)
    end.

batches(_, Count) when Count =< 0 -> ok;
batches(Fun, Count) ->
    Fun(min(Count, ?BATCH)),
    batches(Fun, Count - ?BATCH).

number(_, _, Next, Last) when Next > Last -> ok;
number(To, Sender, Next, Last) ->
    To ! {seq, Sender, Next},
    number(To, Sender, Next + 1, Last).

check(_, 0, Wrong) -> Wrong;
check(Last, Left, Wrong) ->
    receive
        {seq, Sender, Number} ->
            More = case maps:get(Sender, Last, 0) + 1 of Number -> 0; _ -> 1 end,
            check(Last#{Sender => Number}, Left - 1, Wrong + More)
    after 20_000 ->
        Wrong + Left
    end.

timed(Fun, Count) ->
    Start = now_us(),
    Fun(),
    rate(Count, Start).

timed(Fun, Key, Count) ->
    Start = now_us(),
    Value = Fun(),
    [{Key, Value} | rate(Count, Start)].

rate(Count, Start) -> bench_driver:rate(Count, now_us() - Start).

now_us() -> erlang:monotonic_time(microsecond).
