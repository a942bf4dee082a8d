%% Sagas that do for each message what a saga of ergopy does (a timer and a monitor for
%% each step, a timer for each transaction, one monitor for each saga that transactions
%% come from), and nothing else; with two phases: prepare, vote, a decision in a log,
%% commit, acknowledgement. bench/saga.py is the same on ergopy.
-module(bench_saga).
-behaviour(gen_server).
-export([run/4, open/2, work/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(LIMIT, 120_000).
-define(IN_FLIGHT, 1000).
-define(LIFESPAN, 60).

-record(saga, {to, log, two_phase, txs = #{}, steps = #{}, parents = #{},
               left = 0, finished = 0, count, witness}).
-record(tx, {parent, origin, parents, hops, until, timer, open, steps = [],
             records = []}).

%% The driver's tests. Within one peer; between two of a kind, where each hop changes
%% the node; and with the peer in the middle of a chain that begins and ends here.
run(Node, _, {within, Shape, Log}, Count) -> time(Node, Node, Shape, Log, Count);
run(Node, Other, {between, Shape, Log}, Count) -> time(Node, Other, Shape, Log, Count);
run(Node, _, {middle, Shape, Log}, Count) -> time(node(), Node, Shape, Log, Count).

time(Node, Other, Shape, Log, Count) ->
    InFlight = min(Count, ?IN_FLIGHT),
    [First | _] = Sagas = start(Shape, Node, Other, Log),
    Took = ask(Node, {run, pid(First), Count, InFlight}),
    [ask(Where, {Task, Pid}) || Task <- [settle, stop], {Where, Pid} <- Sagas],
    [{in_flight, InFlight} | bench_driver:rate(Count, Took)].

start(chain, Node, Other, Log) ->
    Leaf = start_one(Node, [], Log),
    Middle = start_one(Other, [pid(Leaf)], Log),
    [start_one(Node, [pid(Middle)], Log), Middle, Leaf];
start(fan, Node, Other, Log) ->
    Leaves = [start_one(Other, [], Log) || _ <- lists:seq(1, 10)],
    [start_one(Node, [pid(Leaf) || Leaf <- Leaves], Log) | Leaves].

start_one(Node, To, Log) -> {Node, ask(Node, {start, To, Log})}.

pid({_, Pid}) -> Pid.

%% Transactions that are under way and stay so: a saga and its step, and the other saga.
open(Node, Count) ->
    Leaf = ask(Node, {start, hold, plain}),
    First = ask(Node, {start, [Leaf], plain}),
    ask(Node, {hold, First, Leaf, Count}),
    [{count, Count}].

ask(Node, Task) when Node =:= node() -> work(Task);
ask(Node, Task) -> gen_server:call({bench, Node}, {saga, Task}, ?LIMIT).

%% What a peer does for them.
work({start, To, Log}) ->
    {ok, Pid} = gen_server:start(?MODULE, {To, Log}, []),
    Pid;
work({run, Pid, Count, InFlight}) ->
    Start = now_us(),
    ok = gen_server:call(Pid, {run, Count, InFlight}, ?LIMIT),
    until_open(Pid, 0),
    now_us() - Start;
work({hold, First, Leaf, Count}) ->
    gen_server:cast(First, {run, Count, Count}),
    until_open(Leaf, Count);
work({settle, Pid}) ->
    until_open(Pid, 0);
work({stop, Pid}) ->
    gen_server:stop(Pid).

until_open(Pid, Count) ->
    case gen_server:call(Pid, open, ?LIMIT) of
        Count -> ok;
        _ -> timer:sleep(1), until_open(Pid, Count)
    end.

init({To, durable}) -> {ok, #saga{to = To, log = log(), two_phase = true}};
init({To, Log}) -> {ok, #saga{to = To, log = none, two_phase = Log =:= memory}}.

handle_call({run, Count, InFlight}, From, State) ->
    {noreply, begin_run(Count, InFlight, State#saga{witness = From})};
handle_call(open, _, State) ->
    {reply, map_size(State#saga.txs), State}.

handle_cast({run, Count, InFlight}, State) ->
    {noreply, begin_run(Count, InFlight, State)}.

begin_run(Count, InFlight, State) ->
    [start_tx(State) || _ <- lists:seq(1, InFlight)],
    State#saga{left = Count - InFlight, count = Count}.

start_tx(#saga{two_phase = TwoPhase}) ->
    Options = #{"HopLimit" => 65535, "Lifespan" => ?LIFESPAN,
                "TwoPhaseCommit" => TwoPhase},
    More = case TwoPhase of true -> #{"ErgopyCommit" => 1}; false -> #{} end,
    self() ! {'$saga_next', self(), {make_ref(), [], 1, [], maps:merge(Options, More)}}.

handle_info({'$saga_next', From, {Id, Origin, Value, Parents, Options}}, State) ->
    #{"HopLimit" := Hops, "Lifespan" := Lifespan} = Options,
    is_map_key("ErgopyCommit", Options) andalso Origin =/= []
        andalso up(From, joined, Id, Origin, self()),
    Tx = #tx{parent = From, origin = Origin, parents = [From | Parents], hops = Hops,
             until = now_us() + Lifespan * 1_000_000,
             timer = erlang:send_after(Lifespan * 1000, self(), {over, Id})},
    {noreply, arrived(Id, Tx, Value, Options, watch(From, State))};
handle_info({'$saga_result', _, {Id, [], _}}, #saga{two_phase = false} = State) ->
    {noreply, done(forget(Id, State))};
handle_info({'$saga_result', _, {Id, [], _}}, State) ->
    {noreply, prepare(Id, State)};
handle_info({'$saga_result', _, {Id, Ref, Value}}, State) ->
    #{Id := #tx{open = Open} = Tx} = State#saga.txs,
    Next = put_tx(Id, Tx#tx{open = Open - 1}, completed(Ref, State)),
    {noreply, case Open of 1 -> result(Id, Value, Next); _ -> Next end};
handle_info({'$saga_ergopy', From, {Id, Ref, What, Value}}, State) ->
    {noreply, message(What, Id, Ref, From, Value, State)};
handle_info({logged, Id, What}, State) ->
    {noreply, logged(What, Id, State)}.

arrived(Id, Tx, _, _, #saga{to = hold} = State) ->
    put_tx(Id, Tx, State);
arrived(Id, Tx, Value, _, #saga{to = []} = State) ->
    result(Id, Value + 1, put_tx(Id, Tx#tx{open = 0}, State));
arrived(Id, Tx, Value, Options, #saga{to = To} = State) ->
    Left = (Tx#tx.until - now_us() + 999_999) div 1_000_000,
    Down = Options#{"HopLimit" => Tx#tx.hops - 1, "Lifespan" => Left},
    Steps = [next(Saga, Id, Value, Tx, Down) || Saga <- To],
    put_tx(Id, Tx#tx{open = length(Steps), steps = [Ref || {Ref, _} <- Steps]},
           State#saga{steps = maps:merge(State#saga.steps, maps:from_list(Steps))}).

next(Saga, Id, Value, Tx, #{"Lifespan" := Lifespan} = Options) ->
    Ref = monitor(process, Saga),
    Saga ! {'$saga_next', self(), {Id, Ref, Value, Tx#tx.parents, Options}},
    {Ref, {Saga, erlang:send_after(Lifespan * 1000, self(), {late, Ref})}}.

completed(Ref, #saga{two_phase = TwoPhase, steps = Steps} = State) ->
    #{Ref := {Saga, Timer}} = Steps,
    erlang:cancel_timer(Timer),
    case TwoPhase of
        true -> State#saga{steps = Steps#{Ref := {Saga, none}}};
        false -> drop_step(Ref, State)
    end.

result(Id, Value, #saga{two_phase = TwoPhase} = State) ->
    #{Id := #tx{parent = Parent, origin = Origin}} = State#saga.txs,
    Parent ! {'$saga_result', self(), {Id, Origin, Value}},
    case TwoPhase orelse Origin =:= [] of
        true -> State;
        false -> forget(Id, State)
    end.

%% The two phases.
message(joined, _, _, _, _, State) -> State;
message(prepare, Id, _, _, _, State) -> prepare(Id, State);
message(vote, Id, _, _, _, State) ->
    one_less(Id, State, fun prepared/2);
message(commit, Id, _, _, _, State) -> log(committed, Id, State);
message(ack, Id, Ref, _, _, State) ->
    one_less(Id, drop_step(Ref, State), fun forget/2).

prepare(Id, State) ->
    case down(prepare, Id, self(), State) of
        {0, Next} -> prepared(Id, Next);
        {_, Next} -> Next
    end.

prepared(Id, State) ->
    case own(Id, State) of
        true -> log(decision, Id, State);
        false -> log(prepared, Id, State)
    end.

logged(prepared, Id, State) ->
    answer(vote, Id, State),
    State;
logged(decision, Id, State) ->
    log(final, Id, done(State));
logged(What, Id, State) ->
    What =:= committed andalso answer(ack, Id, State),
    case down(commit, Id, 1, State) of
        {0, Next} -> forget(Id, Next);
        {_, Next} -> Next
    end.

down(What, Id, Value, State) ->
    #{Id := #tx{steps = Refs} = Tx} = State#saga.txs,
    [up(element(1, maps:get(Ref, State#saga.steps)), What, Id, Ref, Value)
     || Ref <- Refs],
    {length(Refs), put_tx(Id, Tx#tx{open = length(Refs)}, State)}.

one_less(Id, State, Then) ->
    #{Id := #tx{open = Open} = Tx} = State#saga.txs,
    Next = put_tx(Id, Tx#tx{open = Open - 1}, State),
    case Open of 1 -> Then(Id, Next); _ -> Next end.

answer(What, Id, State) ->
    #{Id := #tx{parent = Parent, origin = Origin}} = State#saga.txs,
    up(Parent, What, Id, Origin, nil).

up(To, What, Id, Ref, Value) -> To ! {'$saga_ergopy', self(), {Id, Ref, What, Value}}.

own(Id, State) -> (maps:get(Id, State#saga.txs))#tx.origin =:= [].

done(#saga{finished = Finished, count = Count, witness = From} = State)
  when Finished + 1 =:= Count ->
    gen_server:reply(From, ok),
    State#saga{finished = 0};
done(#saga{left = 0, finished = Finished} = State) ->
    State#saga{finished = Finished + 1};
done(#saga{left = Left, finished = Finished} = State) ->
    start_tx(State),
    State#saga{left = Left - 1, finished = Finished + 1}.

%% The tables.
put_tx(Id, Tx, #saga{txs = Txs} = State) -> State#saga{txs = Txs#{Id => Tx}}.

forget(Id, #saga{txs = Txs} = State) ->
    {#tx{parent = Parent, timer = Timer}, Left} = maps:take(Id, Txs),
    erlang:cancel_timer(Timer),
    unwatch(Parent, State#saga{txs = Left}).

drop_step(Ref, #saga{steps = Steps} = State) ->
    demonitor(Ref, [flush]),
    State#saga{steps = maps:remove(Ref, Steps)}.

watch(Pid, State) when Pid =:= self() -> State;
watch(Pid, #saga{parents = Parents} = State) ->
    {Ref, Count} = case Parents of
        #{Pid := Known} -> Known;
        #{} -> {monitor(process, Pid), 0}
    end,
    State#saga{parents = Parents#{Pid => {Ref, Count + 1}}}.

unwatch(Pid, State) when Pid =:= self() -> State;
unwatch(Pid, #saga{parents = Parents} = State) ->
    case Parents of
        #{Pid := {Ref, 1}} ->
            demonitor(Ref, [flush]),
            State#saga{parents = maps:remove(Pid, Parents)};
        #{Pid := {Ref, Count}} ->
            State#saga{parents = Parents#{Pid := {Ref, Count - 1}}}
    end.

%% The log: in the transaction, or in a file that is synced for all that waits.
log(What, Id, #saga{log = none} = State) ->
    #{Id := #tx{records = Records} = Tx} = State#saga.txs,
    logged(What, Id, put_tx(Id, Tx#tx{records = [What | Records]}, State));
log(What, Id, #saga{log = Log} = State) ->
    Log ! {append, self(), Id, What, term_to_binary({What, Id, 1})},
    State.

log() ->
    case whereis(?MODULE) of
        undefined -> open_log();
        Pid -> Pid
    end.

open_log() ->
    Path = filename:join(os:getenv("HOME"), "saga" ++ os:getpid() ++ ".log"),
    Pid = spawn(fun() ->
        {ok, File} = file:open(Path, [append, raw, binary]),
        writer(File)
    end),
    register(?MODULE, Pid),
    Pid.

writer(File) ->
    receive {append, _, _, _, _} = First -> write(File, [First | waiting()]) end,
    writer(File).

waiting() ->
    receive {append, _, _, _, _} = Next -> [Next | waiting()] after 0 -> [] end.

write(File, All) ->
    ok = file:write(File, [Record || {append, _, _, _, Record} <- All]),
    ok = file:datasync(File),
    [Saga ! {logged, Id, What} || {append, Saga, Id, What, _} <- All].

now_us() -> erlang:monotonic_time(microsecond).
