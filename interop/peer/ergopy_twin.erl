%% A gen_server that does what its messages say, and what plays scripts with it and with
%% its twin in Python.
-module(ergopy_twin).
-behaviour(gen_server).
-export([play/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2,
         terminate/2]).

%% Play scripts at the same time: [{erlang | Pid, InitPlan, Steps}].
%% Returns {Answers, Log, Reason} of each.
play(Scripts) ->
    Me = self(),
    Players = [spawn_monitor(fun() -> Me ! {self(), play_one(Script)} end)
               || Script <- Scripts],
    [receive {Player, Played} -> erlang:demonitor(Ref, [flush]), Played;
             {'DOWN', Ref, _, _, Reason} -> {failed, Reason}
     end || {Player, Ref} <- Players].

play_one({Twin, Plan, Steps}) ->
    Pid = case Twin of
        erlang -> {ok, Started} = gen_server:start(?MODULE, Plan, []), Started;
        _ -> Twin
    end,
    Ref = monitor(process, Pid),
    Pid ! {observer, self()},
    Answers = [step(Pid, Step) || Step <- Steps],
    catch gen_server:stop(Pid, normal, infinity),
    receive {'DOWN', Ref, _, _, Reason} -> {Answers, logged(), Reason} end.

step(Pid, {call, Plan, Time}) ->
    try {ok, gen_server:call(Pid, Plan, Time)}
    catch exit:{Reason, _} -> {exit, Reason}
    end;
step(Pid, {cast, Plan}) -> gen_server:cast(Pid, Plan);
step(Pid, {info, Plan}) -> Pid ! Plan, ok;
step(_, {sleep, Time}) -> timer:sleep(Time).

logged() ->
    receive {log, Entry} -> [Entry | logged()] after 0 -> [] end.

init(Plan) -> returns(Plan, note({init, Plan}, {none, []})).

handle_call({aside, Value}, From, State) ->
    spawn(fun() -> gen_server:reply(From, Value), gen_server:reply(From, twice) end),
    {noreply, note({call, {aside, Value}}, State)};
handle_call(Plan, _, State) -> returns(Plan, note({call, Plan}, State)).

handle_cast(Plan, State) -> returns(Plan, note({cast, Plan}, State)).

handle_info({observer, Pid}, {none, Log}) ->
    {noreply, lists:foldr(fun note/2, {Pid, []}, Log)};
handle_info(timeout, State) -> {noreply, note(timeout, State)};
handle_info(Plan, State) -> returns(Plan, note({info, Plan}, State)).

handle_continue(Plan, State) -> returns(Plan, note({continue, Plan}, State)).

terminate(Reason, State) -> note({terminate, class(Reason)}, State).

class({wanted, _}) -> crash;
class({bad_return_value, _}) -> crash;
class(Reason) -> Reason.

note(Entry, {none, Log}) -> {none, [Entry | Log]};
note(Entry, {Pid, Log}) -> Pid ! {log, Entry}, {Pid, Log}.

returns(ok, State) -> {ok, State};
returns({ok, More}, State) -> {ok, State, More};
returns({reply, Value}, State) -> {reply, Value, State};
returns({reply, Value, More}, State) -> {reply, Value, State, More};
returns(noreply, State) -> {noreply, State};
returns({noreply, More}, State) -> {noreply, State, More};
returns({stop, Reason}, State) -> {stop, Reason, State};
returns({stop, Reason, Value}, State) -> {stop, Reason, Value, State};
returns(crash, _) -> error(wanted);
returns({exit, Reason}, _) -> exit(Reason).
