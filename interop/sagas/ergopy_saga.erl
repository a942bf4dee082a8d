%% A saga that behaves as those of ergo do, weaknesses included.
%%
%% It does as its script says, #{Event => [Action]}, or as it is told from outside with
%% do/3, and keeps all that happens to it:
%%
%%     {new, Id, Value, Parents, Options}   {result | interim, Id, Ref, Value}
%%     {cancel, Id, Reason}  {done, Id, Result}  {commit, Id, Final}
%%     {trapped, Id, Ref, Reason}  {info, Message}  {unsupported, Message}
%%
%% Actions: {next, To, Value}, {next, To, Value, #{timeout, trap}}, {result, Value},
%% {interim, Value}, {cancel, Reason}, {final, Value}, {join, Value} (the result, once
%% nothing is open), {exit, Reason}. '$value' is what came last, '$all' the results.
-module(ergopy_saga).
-export([start/1, start_tx/3, do/3, events/1, wait/3, state/1, init/1]).

%% Options: name, max_transactions (0 is any number), script.
start(Options) ->
    Pid = spawn(?MODULE, init, [Options]),
    ok = ask(Pid, ready),
    Pid.

%% The identifier is there at once, as in ergo; Options: hop_limit, lifespan,
%% two_phase_commit.
start_tx(Saga, Value, Options) -> ask(Saga, {start_tx, Value, Options}).

%% Act on a transaction, or on the one that came last.
do(Saga, Id, Action) -> ask(Saga, {do, Id, Action}).

events(Saga) -> ask(Saga, events).

%% The Nth event of a kind, as soon as there is one.
wait(Saga, Kind, N) -> ask(Saga, {wait, Kind, N}).

%% What is still open: numbers of transactions, steps and monitors.
state(Saga) -> ask(Saga, state).

ask(Saga, Request) ->
    Ref = monitor(process, Saga),
    Saga ! {?MODULE, self(), Ref, Request},
    receive
        {?MODULE, Ref, Answer} -> demonitor(Ref, [flush]), Answer;
        {'DOWN', Ref, process, _, Reason} -> exit({saga_is_down, Reason})
    after 10000 ->
        exit({timeout, Request})
    end.

init(Options) ->
    process_flag(trap_exit, true),
    case Options of
        #{name := Name} -> register(Name, self());
        _ -> ok
    end,
    loop(#{
        max => maps:get(max_transactions, Options, 0),
        script => maps:get(script, Options, #{}),
        txs => #{},
        nexts => #{},
        last => none,
        events => [],
        waiting => []
    }).

loop(S) ->
    receive
        {?MODULE, From, Ref, {wait, Kind, N}} ->
            #{waiting := Waiting} = S,
            loop(answer_waiting(S#{waiting := [{From, Ref, Kind, N} | Waiting]}));
        {?MODULE, From, Ref, Request} ->
            {Answer, S2} = request(Request, S),
            From ! {?MODULE, Ref, Answer},
            loop(S2);
        Message ->
            loop(take(Message, S))
    end.

request(ready, S) -> {ok, S};
request(events, #{events := Events} = S) -> {lists:reverse(Events), S};
request(state, #{txs := Txs, nexts := Nexts} = S) ->
    {monitors, Monitors} = process_info(self(), monitors),
    {{map_size(Txs), map_size(Nexts), length(Monitors)}, S};
request({start_tx, Value, Options}, S) ->
    Id = make_ref(),
    Names = #{
        "HopLimit" => maps:get(hop_limit, Options, 65535),
        "Lifespan" => maps:get(lifespan, Options, 60),
        "TwoPhaseCommit" => maps:get(two_phase_commit, Options, false)
    },
    self() ! {own_next, Id, Value, Names},
    {Id, S};
request({do, last, Action}, #{last := Id} = S) -> act(Action, Id, none, S);
request({do, Id, Action}, S) -> act(Action, Id, none, S).

%% Messages

take({own_next, Id, Value, Names}, S) ->
    arrive(self(), Id, none, Value, [], Names, S);
take({own_result, Id, Result}, #{txs := Txs} = S) ->
    case Txs of
        #{Id := _} -> done(Id, Result, S);
        _ -> S
    end;
take({own_cancel, From, Id, Origin, Reason}, S) ->
    cancel(From, Id, Origin, Reason, S);
take({'DOWN', Ref, process, Object, _} = Down, #{nexts := Nexts, txs := Txs} = S) ->
    Parent = [Id || {Id, #{monitor := R}} <- maps:to_list(Txs), R =:= Ref],
    case {Nexts, Parent} of
        {#{Ref := Id}, _} ->
            self() ! {own_cancel, Object, Id, Ref, down("next saga ", Object)},
            S;
        {_, [Id]} ->
            self() ! {own_cancel, Object, Id, none, down("parent saga ", Object)},
            S;
        _ ->
            record({info, Down}, S)
    end;
take(Message, S) ->
    case ergopy_saga_wire:read(Message) of
        {next, From, Id, Ref, Value, Parents, Names} ->
            arrive(From, Id, Ref, Value, Parents, Names, S);
        {result, _, Id, Ref, Value} ->
            result(Id, Ref, Value, S);
        {interim, From, Id, Ref, Value} ->
            interim(From, Id, Ref, Value, S);
        {commit, _, Id, _, Final} ->
            commit(Id, Final, S);
        {cancel, From, Id, Origin, Reason} ->
            cancel(From, Id, Origin, Reason, S);
        unsupported ->
            record({unsupported, Message}, S),
            exit("unsupported request");
        closes_link ->
            erlang:disconnect_node(node(element(2, Message))),
            record({closes_link, Message}, S);
        reply ->
            record({reply, Message}, S);
        info ->
            record({info, Message}, S)
    end.

down(Who, Pid) when is_pid(Pid) -> Who ++ pid_to_list(Pid) ++ " is down";
down(Who, {Name, Node}) -> lists:concat([Who, "<", Name, ":", Node, "> is down"]).

arrive(From, Id, Origin, Value, Parents, Names, #{txs := Txs, max := Max} = S) ->
    case Txs of
        _ when Max > 0, map_size(Txs) >= Max ->
            refuse(From, Id, Origin, "exceed_tx_limit", S);
        #{Id := _} ->
            refuse(From, Id, Origin, "loop_detected", S);
        _ ->
            Options = ergopy_saga_wire:options(Names),
            Me = self(),
            Lifespan = 1000 * maps:get(lifespan, Options),
            Over = {own_cancel, Me, Id, Origin, "lifespan"},
            Tx = #{
                options => Options,
                origin => Origin,
                parents => [From | Parents],
                monitor => case From of Me -> none; _ -> monitor(process, From) end,
                timer => erlang:send_after(min(Lifespan, 16#ffffffff), Me, Over),
                since => erlang:monotonic_time(second),
                nexts => #{},
                results => [],
                sent => false
            },
            S2 = S#{txs := Txs#{Id => Tx}, last := Id},
            event(new, {new, Id, Value, Parents, Names}, Id, Value, S2)
    end.

%% Of an own start nobody is told.
refuse(_, _, none, _, S) -> S;
refuse(To, Id, Origin, Reason, S) ->
    ergopy_saga_wire:send(To, '$saga_cancel', Id, {Origin, Reason}),
    S.

result(Id, Ref, Value, #{txs := Txs, nexts := Nexts} = S) ->
    case {Nexts, Txs} of
        {#{Ref := Id}, #{Id := #{results := Results} = Tx}} ->
            Tx2 = Tx#{results := Results ++ [Value]},
            S2 = case two_phase(Tx) of
                true -> put_tx(Id, set_done(Ref, Tx2), S);
                false -> put_tx(Id, drop(Ref, Tx2), S#{nexts := maps:remove(Ref, Nexts)})
            end,
            event(result, {result, Id, Ref, Value}, Id, Value, S2);
        _ ->
            S
    end.

interim(From, Id, Ref, Value, #{nexts := Nexts} = S) ->
    case Nexts of
        #{Ref := Id} ->
            event(interim, {interim, Id, Ref, Value}, Id, Value, S);
        _ ->
            refuse(From, Id, Ref, "unknown or canceled tx", S)
    end.

done(Id, Result, S) ->
    S2 = event(done, {done, Id, Result}, Id, Result, S),
    Finals = [Final || {final, Final} <- actions(done, S)],
    finish(Id, hd(Finals ++ [Result]), S2).

commit(Id, Final, #{txs := Txs} = S) ->
    case Txs of
        #{Id := Tx} ->
            S2 = finish(Id, Final, S),
            case two_phase(Tx) of
                true -> event(commit, {commit, Id, Final}, Id, Final, S2);
                false -> S2
            end;
        _ ->
            S
    end.

%% Those below are told before the own callback.
finish(Id, Final, #{txs := Txs} = S) ->
    case Txs of
        #{Id := #{nexts := Nexts} = Tx} ->
            two_phase(Tx) andalso
                [ergopy_saga_wire:send(To, '$saga_commit', Id, {Ref, Final})
                 || {Ref, #{to := To}} <- maps:to_list(Nexts)],
            forget(Id, S);
        _ ->
            S
    end.

cancel(From, Id, Origin, Reason, #{txs := Txs, nexts := Nexts} = S) ->
    case Txs of
        #{Id := #{parents := [From | _]}} ->
            cancel_all(From, Id, Origin, Reason, S);
        #{Id := #{nexts := #{Origin := #{trap := true}}} = Tx} ->
            S2 = put_tx(Id, drop(Origin, Tx), S#{nexts := maps:remove(Origin, Nexts)}),
            event(trapped, {trapped, Id, Origin, Reason}, Id, Reason, S2);
        #{Id := _} ->
            cancel_all(From, Id, Origin, Reason, S);
        _ ->
            S
    end.

cancel_all(From, Id, Origin, Reason, #{txs := Txs} = S) ->
    #{Id := #{parents := [Parent | _], origin := Above, nexts := Nexts}} = Txs,
    Me = self(),
    Told = case Parent of
        Me -> [];
        From -> [];
        _ -> [{Parent, Above}]
    end,
    Below = [{To, Ref} || {Ref, #{to := To}} <- maps:to_list(Nexts), Ref =/= Origin],
    Reason =:= "lifespan" orelse
        [ergopy_saga_wire:send(To, '$saga_cancel', Id, {Ref, Reason})
         || {To, Ref} <- Told ++ Below],
    event(cancel, {cancel, Id, Reason}, Id, Reason, forget(Id, S)).

%% Steps

two_phase(#{options := #{two_phase_commit := TwoPhase}}) -> TwoPhase.

put_tx(Id, Tx, #{txs := Txs} = S) -> S#{txs := Txs#{Id := Tx}}.

set_done(Ref, #{nexts := Nexts} = Tx) ->
    #{Ref := Next} = Nexts,
    Tx#{nexts := Nexts#{Ref := Next#{done := true}}}.

drop(Ref, #{nexts := Nexts} = Tx) ->
    #{Ref := #{timer := Timer}} = Nexts,
    erlang:cancel_timer(Timer),
    demonitor(Ref, [flush]),
    Tx#{nexts := maps:remove(Ref, Nexts)}.

forget(Id, #{txs := Txs, nexts := Nexts} = S) ->
    #{Id := #{timer := Timer, monitor := Monitor, nexts := Own} = Tx} = Txs,
    erlang:cancel_timer(Timer),
    is_reference(Monitor) andalso demonitor(Monitor, [flush]),
    _ = maps:fold(fun(Ref, _, Left) -> drop(Ref, Left) end, Tx, Own),
    S#{txs := maps:remove(Id, Txs), nexts := maps:without(maps:keys(Own), Nexts)}.

%% Events and actions

actions(Kind, #{script := Script}) -> maps:get(Kind, Script, []).

event(Kind, Event, Id, Value, S) ->
    lists:foldl(
        fun(Action, Now) -> element(2, act(Action, Id, Value, Now)) end,
        record(Event, S),
        actions(Kind, S)
    ).

record(Event, #{events := Events} = S) -> answer_waiting(S#{events := [Event | Events]}).

answer_waiting(#{events := Events, waiting := Waiting} = S) ->
    All = lists:reverse(Events),
    S#{waiting := [Who || {From, Ref, Kind, N} = Who <- Waiting,
        case [E || E <- All, element(1, E) =:= Kind] of
            Found when length(Found) >= N ->
                From ! {?MODULE, Ref, lists:nth(N, Found)},
                false;
            _ ->
                true
        end]}.

act({final, _}, _, _, S) -> {ok, S};
act({exit, Reason}, _, _, _) -> exit(Reason);
act({next, To, Value}, Id, Given, S) -> act({next, To, Value, #{}}, Id, Given, S);
act(Action, Id, Given, #{txs := Txs} = S) ->
    case Txs of
        #{Id := Tx} -> on(Action, Id, Tx, Given, S);
        _ -> {{error, "unknown TX"}, S}
    end.

on({next, To, Value, More}, Id, Tx, Given, #{nexts := All} = S) ->
    #{options := #{hop_limit := HopLimit} = Options, nexts := Nexts, since := Since} = Tx,
    Lifespan = maps:get(timeout, More, ergopy_saga_wire:remaining(Options, Since)),
    case map_size(Nexts) >= HopLimit of
        true ->
            {{error, "exceeded hop limit"}, S};
        false ->
            Ref = monitor(process, To),
            To ! ergopy_saga_wire:next(
                Id, Ref, value(Value, Given, Tx), maps:get(parents, Tx), {Options, Lifespan}
            ),
            Over = {own_cancel, none, Id, Ref, "lifespan"},
            Next = #{
                to => To,
                trap => maps:get(trap, More, false),
                done => false,
                timer => erlang:send_after(min(1000 * Lifespan, 16#ffffffff), self(), Over)
            },
            S2 = S#{nexts := All#{Ref => Id}},
            {Ref, put_tx(Id, Tx#{nexts := Nexts#{Ref => Next}}, S2)}
    end;
on({join, Value}, Id, Tx, Given, S) ->
    case open(Tx) of
        0 -> on({result, Value}, Id, Tx, Given, S);
        _ -> {ok, S}
    end;
on({result, _}, _, #{sent := true}, _, S) ->
    {{error, "result already sent"}, S};
on({result, Value}, Id, #{parents := [Parent | _], origin := Origin} = Tx, Given, S) ->
    Result = value(Value, Given, Tx),
    Me = self(),
    case {open(Tx), Parent} of
        {0, Me} ->
            Me ! {own_result, Id, Result},
            {ok, put_tx(Id, Tx#{sent := true}, S)};
        {0, _} ->
            ergopy_saga_wire:send(Parent, '$saga_result', Id, {Origin, Result}),
            case two_phase(Tx) of
                true -> {ok, put_tx(Id, Tx#{sent := true}, S)};
                false -> {ok, forget(Id, S)}
            end;
        _ ->
            {{error, "transaction in progress"}, S}
    end;
on({interim, Value}, Id, #{parents := [Parent | _], origin := Origin} = Tx, Given, S) ->
    ergopy_saga_wire:send(Parent, '$saga_interim', Id, {Origin, value(Value, Given, Tx)}),
    {ok, S};
on({cancel, Reason}, Id, #{origin := Origin}, _, S) ->
    self() ! {own_cancel, self(), Id, Origin, Reason},
    {ok, S}.

open(#{nexts := Nexts}) -> length([R || {R, #{done := false}} <- maps:to_list(Nexts)]).

value('$value', Given, _) -> Given;
value('$all', _, #{results := Results}) -> Results;
value(Value, _, _) -> Value.
