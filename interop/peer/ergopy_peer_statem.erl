%% A gen_statem that does what a table says, and the driver of a script for it.
%%
%% Who runs a script gets its log, in order: each call of a callback, each reply, the
%% call of terminate, and how it ended. tests/gen/state_machine/tables.py is the same in
%% Python, and says what the tables look like.
-module(ergopy_peer_statem).
-behaviour(gen_statem).
-export([run/2, run_all/2]).
-export([init/1, callback_mode/0, handle_event/4, terminate/3]).

%% Run many scripts at once; Unit is the number of milliseconds of one unit of time.
run_all(Cases, Unit) ->
    Host = self(),
    Pids = [spawn(fun() -> Host ! {self(), run(Case, Unit)} end) || Case <- Cases],
    [receive {Pid, Log} -> Log end || Pid <- Pids].

run({Enter, First, Actions, Table, Script}, Unit) ->
    put(state_enter, Enter),
    Data = #{unit => Unit, table => Table, driver => self(), fuel => 40},
    {ok, Pid} = gen_statem:start(?MODULE, {Enter, First, Actions, Data}, []),
    Monitor = monitor(process, Pid),
    Begin = erlang:monotonic_time(millisecond),
    Requests = play(Script, Pid, Begin, Unit, []),
    timer:sleep(100 * Unit),
    Names = maps:from_list(Requests),
    Logged = log(Names, Monitor, 0),
    End = try
        {State, _} = sys:get_state(Pid),
        {Timeouts, Postponed} = pending(sys:get_status(Pid)),
        [{ended, State, Timeouts, Postponed}]
    catch exit:_ -> []
    end,
    demonitor(Monitor, [flush]),
    exit(Pid, kill),
    Logged ++ log(Names, Monitor, 0) ++ End.

play([], _, _, _, Requests) ->
    lists:reverse(Requests);
play([{At, Ops} | Rest], Pid, Begin, Unit, Requests) ->
    timer:sleep(max(0, Begin + At * Unit - erlang:monotonic_time(millisecond))),
    play(Rest, Pid, Begin, Unit, lists:foldl(fun(Op, R) -> do(Op, Pid, R) end, Requests, Ops)).

do({cast, Content}, Pid, Requests) ->
    gen_statem:cast(Pid, Content),
    Requests;
do({info, Content}, Pid, Requests) ->
    Pid ! Content,
    Requests;
do({call, Content}, Pid, Requests) ->
    Tag = make_ref(),
    Pid ! {'$gen_call', {self(), Tag}, Content},
    [{Tag, length(Requests)} | Requests];
do(suspend, Pid, Requests) ->
    catch sys:suspend(Pid),
    Requests;
do(resume, Pid, Requests) ->
    catch sys:resume(Pid),
    Requests.

log(Names, Monitor, Wait) ->
    receive
        {log, Entry} -> [Entry | log(Names, Monitor, Wait)];
        {Tag, Value} when is_map_key(Tag, Names) ->
            [{reply, maps:get(Tag, Names), Value} | log(Names, Monitor, Wait)];
        {'DOWN', Monitor, process, _, Reason} ->
            [{down, Reason} | log(Names, Monitor, Wait)]
    after Wait -> []
    end.

pending({status, _, _, [_, _, _, _, Parts]}) ->
    Items = lists:append([Data || {data, Data} <- Parts]),
    {_, {_, Timeouts}} = lists:keyfind("Time-outs", 1, Items),
    {_, Postponed} = lists:keyfind("Postponed", 1, Items),
    {lists:sort(Timeouts), [{shown(Kind), Content} || {Kind, Content} <- Postponed]}.

init({Enter, First, Actions, Data}) ->
    put(state_enter, Enter),
    {ok, First, Data, [action(Action, none, Data) || Action <- Actions]}.

callback_mode() ->
    case get(state_enter) of
        true -> [handle_event_function, state_enter];
        false -> handle_event_function
    end.

handle_event(Kind, Content, State, #{driver := Driver, fuel := Fuel} = Data) ->
    Driver ! {log, {shown(Kind), Content, State}},
    Result = result({State, shown(Kind), Content}, Data),
    outcome(Result, Kind, Data#{fuel := max(0, Fuel - 1)}).

terminate(Reason, State, #{driver := Driver}) ->
    Driver ! {log, {terminate, Reason, State}}.

result(_, #{fuel := 0}) -> {keep, []};
result(Key, #{table := Table}) -> maps:get(Key, Table, {keep, []}).

outcome({next, State, Actions}, Kind, Data) ->
    {next_state, State, Data, actions(Actions, Kind, Data)};
outcome({keep, Actions}, Kind, Data) ->
    {keep_state, Data, actions(Actions, Kind, Data)};
outcome({repeat, Actions}, Kind, Data) ->
    {repeat_state, Data, actions(Actions, Kind, Data)};
outcome({stop, Reason, Value}, {call, From}, Data) ->
    {stop_and_reply, Reason, [{reply, From, Value}], Data};
outcome({stop, Reason, _}, _, Data) ->
    {stop, Reason, Data}.

actions(Actions, Kind, Data) ->
    [action(Action, Kind, Data) || Action <- Actions].

action({reply, Value}, {call, From}, _) -> {reply, From, Value};
action({reply, _}, _, _) -> {hibernate, false};
action({next_event, call, Content}, {call, _} = Kind, _) -> {next_event, Kind, Content};
action({next_event, call, Content}, _, _) -> {next_event, internal, Content};
action({next_event, Kind, Content}, _, _) -> {next_event, Kind, Content};
action({set, Kind, update, Content}, _, _) -> {Kind, update, Content};
action({set, Kind, infinity, Content}, _, _) -> {Kind, infinity, Content};
action({set, Kind, Units, Content}, _, #{unit := Unit}) -> {Kind, Units * Unit, Content};
action({cancel, Kind}, _, _) -> {Kind, cancel};
action({postpone, Flag}, _, _) -> {postpone, Flag}.

shown({call, _}) -> call;
shown(Kind) -> Kind.
