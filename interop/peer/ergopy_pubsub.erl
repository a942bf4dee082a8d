%% The BEAM side of a Phoenix PubSub, as its adapter speaks it: without Elixir.
%%
%% A worker of the pool is in the group of its name in pg; what it gets is handed to
%% the local subscribers of the topic.
-module(ergopy_pubsub).
-export([start/3, stop/1, subscribe/2, broadcast/3, broadcast/4, direct/4, ready/2,
         collect/3, worker/3]).

-define(SCOPE, 'Elixir.Phoenix.PubSub').

group(Name, 1) -> list_to_atom(atom_to_list(Name) ++ ".Adapter");
group(Name, N) -> list_to_atom(atom_to_list(group(Name, 1)) ++ "_" ++ integer_to_list(N)).

start(Name, Pool, Sending) ->
    case pg:start(?SCOPE) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok
    end,
    Me = self(),
    spawn(fun() ->
        Name = ets:new(Name, [bag, public, named_table]),
        Me ! {Name, table},
        receive stop -> ok end
    end),
    receive {Name, table} -> ok end,
    persistent_term:put({?MODULE, Name}, Sending),
    [begin
         Worker = spawn(?MODULE, worker, [Name, group(Name, N), Me]),
         receive {Worker, ready} -> ok end
     end || N <- lists:seq(1, Pool)],
    ok.

stop(Name) ->
    [exit(P, kill) || N <- lists:seq(1, 20), (P = whereis(group(Name, N))) =/= undefined],
    case ets:info(Name, owner) of undefined -> ok; Owner -> Owner ! stop, ok end.

worker(Name, Group, Starter) ->
    register(Group, self()),
    ok = pg:join(?SCOPE, Group, self()),
    Starter ! {self(), ready},
    loop(Name).

loop(Name) ->
    receive
        {forward_to_local, Topic, Message, Dispatcher} ->
            hand_out(Name, Topic, {Dispatcher, Message}),
            loop(Name);
        _ ->
            loop(Name)
    end.

hand_out(Name, Topic, What) ->
    [Pid ! {Name, Topic, What} || {_, Pid} <- ets:lookup(Name, Topic)],
    ok.

subscribe(Name, Topic) ->
    ets:insert(Name, {Topic, self()}).

broadcast(Name, Topic, Message) ->
    broadcast(Name, Topic, Message, ?SCOPE).

broadcast(Name, Topic, Message, Dispatcher) ->
    Number = 1 + erlang:phash2(self(), persistent_term:get({?MODULE, Name})),
    Forward = {forward_to_local, Topic, Message, Dispatcher},
    [P ! Forward || P <- pg:get_members(?SCOPE, group(Name, Number)), node(P) =/= node()],
    hand_out(Name, Topic, {Dispatcher, Message}).

direct(Name, Node, Topic, Message) ->
    Number = 1 + erlang:phash2(self(), persistent_term:get({?MODULE, Name})),
    {group(Name, Number), Node} ! {forward_to_local, Topic, Message, ?SCOPE},
    ok.

%% Wait until each group of the pool has a worker on Node.
ready(Name, Node) ->
    Number = persistent_term:get({?MODULE, Name}),
    case [N || N <- lists:seq(1, Number),
               [] =:= [P || P <- pg:get_members(?SCOPE, group(Name, N)), node(P) =:= Node]] of
        [] -> ok;
        _ -> timer:sleep(5), ready(Name, Node)
    end.

%% What comes to the caller, until so many have.
collect(_, _, 0) ->
    [];
collect(Name, Topic, Count) ->
    receive
        {Name, Topic, What} -> [What | collect(Name, Topic, Count - 1)]
    after 5000 -> [missing]
    end.
