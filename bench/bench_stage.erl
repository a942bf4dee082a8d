%% Stages that do for each message of GenStage what GenStage does (monitor, count the
%% demand, give to who wants most, count and copy each event into batches), and nothing
%% else. bench/stage.py is the same on ergopy. A producer ends with its consumer, and a
%% consumer after its last event.
-module(bench_stage).
-behaviour(gen_server).
-export([run/3, work/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(LIMIT, 120_000).

-record(producer, {kind, next = 0, consumers = #{}, demands = []}).
-record(consumer, {to, tag, max, min, pending, seen = 0, count, witness}).

%% The driver's tests: within the peer, from the peer to here, and from here to it.
run(Node, {within, Kind, Max}, Count) ->
    bench_driver:rate(Count, ask(Node, {within, Kind, Max, Count}));
run(Node, {out, Kind, Max}, Count) ->
    bench_driver:rate(Count, consume(ask(Node, {producer, Kind}), Max, Count));
run(Node, {in, Kind, Max}, Count) ->
    Producer = start(#producer{kind = Kind}),
    bench_driver:rate(Count, ask(Node, {consume, Producer, Max, Count})).

%% What a peer does for them.
work({within, Kind, Max, Count}) -> consume(start(#producer{kind = Kind}), Max, Count);
work({producer, Kind}) -> start(#producer{kind = Kind});
work({consume, Producer, Max, Count}) -> consume(Producer, Max, Count).

ask(Node, Task) -> gen_server:call({bench, Node}, {stage, Task}, ?LIMIT).

start(State) ->
    {ok, Pid} = gen_server:start(?MODULE, State, []),
    Pid.

%% Microseconds from the subscription to the last event.
consume(Producer, Max, Count) ->
    Start = now_us(),
    State = #consumer{to = Producer, max = Max, min = Max div 2, pending = Max,
                      count = Count, witness = self()},
    Ref = monitor(process, start(State)),
    receive {'DOWN', Ref, process, _, normal} -> now_us() - Start;
            {'DOWN', Ref, process, _, Reason} -> exit(Reason)
    after ?LIMIT -> exit(no_events)
    end.

init(#producer{} = State) -> {ok, State};
init(#consumer{to = To, max = Max} = State) ->
    Tag = monitor(process, To),
    say(To, Tag, {subscribe, nil, [{max_demand, Max}]}),
    say(To, Tag, {ask, Max}),
    {ok, State#consumer{tag = Tag}}.

handle_call(_, _, State) -> {reply, ok, State}.

handle_cast(_, State) -> {noreply, State}.

handle_info({'$gen_producer', {Pid, Tag}, {subscribe, nil, _}}, State) ->
    Consumers = (State#producer.consumers)#{Tag => {Pid, monitor(process, Pid)}},
    Demands = State#producer.demands ++ [{0, Pid, Tag}],
    {noreply, State#producer{consumers = Consumers, demands = Demands}};
handle_info({'$gen_producer', {Pid, Tag}, {ask, Count}}, State)
  when is_map_key(Tag, State#producer.consumers) ->
    {value, {Demand, _, _}, Rest} = lists:keytake(Tag, 3, State#producer.demands),
    Demands = insert({Demand + Count, Pid, Tag}, Rest),
    Next = State#producer.next + Count,
    Events = events(State#producer.kind, State#producer.next, Next),
    Left = dispatch(Events, length(Events), Demands),
    {noreply, State#producer{next = Next, demands = Left}};
handle_info({'$gen_consumer', {_, Tag}, Events}, #consumer{tag = Tag} = State) ->
    handle(Events, State);
handle_info({'DOWN', _, process, _, _}, State) ->
    {stop, normal, State}.

dispatch(Events, Count, [{Demand, Pid, Tag} | Rest]) when Count =< Demand ->
    Pid ! {'$gen_consumer', {self(), Tag}, Events},
    insert({Demand - Count, Pid, Tag}, Rest);
dispatch(Events, Count, [{Demand, Pid, Tag} | Rest]) ->
    {Now, Later} = lists:split(Demand, Events),
    Pid ! {'$gen_consumer', {self(), Tag}, Now},
    dispatch(Later, Count - Demand, insert({0, Pid, Tag}, Rest)).

insert({Demand, _, _} = Entry, [{More, _, _} = First | Rest]) when More >= Demand ->
    [First | insert(Entry, Rest)];
insert(Entry, Demands) ->
    [Entry | Demands].

handle([], State) ->
    {noreply, State};
handle(Events, #consumer{max = Max, min = Min, seen = Seen, count = Count} = State) ->
    {Batch, Size, Rest} = cut(Events, Max - Min, 0, []),
    Seen = id(hd(Batch)),
    case Seen + length(Batch) of
        All when All >= Count -> {stop, normal, State};
        All -> handle(Rest, more(State#consumer{seen = All}, Size))
    end.

cut([Event | Events], Limit, Size, Batch) when Size < Limit ->
    cut(Events, Limit, Size + 1, [Event | Batch]);
cut(Rest, _, Size, Batch) ->
    {lists:reverse(Batch), Size, Rest}.

more(#consumer{pending = Pending, min = Min} = State, Size) when Pending - Size > Min ->
    State#consumer{pending = Pending - Size};
more(#consumer{to = To, tag = Tag, max = Max, pending = Pending} = State, Size) ->
    say(To, Tag, {ask, Max - Pending + Size}),
    State#consumer{pending = Max}.

say(To, Tag, Message) -> To ! {'$gen_producer', {self(), Tag}, Message}, ok.

events(number, First, End) -> lists:seq(First, End - 1);
events(order, First, End) -> [order(Id) || Id <- lists:seq(First, End - 1)].

order(Id) -> #{id => Id, customer => <<"Zoe Miller">>, total => 12.5, paid => true}.

id(#{id := Id}) -> Id;
id(Id) -> Id.

now_us() -> erlang:monotonic_time(microsecond).
