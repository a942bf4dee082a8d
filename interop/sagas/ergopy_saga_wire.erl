%% The messages of ergo's sagas, read as strictly as ergo reads them.
%%
%% What ergo does not take ends its saga ({unsupported, ..}) or its connection
%% (closes_link). One thing cannot be seen from here: ergo honours an integer of the
%% options only if it was sent in 32 bits or more.
-module(ergopy_saga_wire).
-export([read/1, next/5, send/4, options/1, remaining/2, reason/1]).

%% Three elements of which the second is a pid are a request, whatever they say.
read({Tag, From, Command}) when is_atom(Tag), is_pid(From) -> command(Tag, From, Command);
read({Ref, _}) when is_reference(Ref) -> reply;
read(_) -> info.

command('$saga_next', From, {Id, Ref, Value, [_ | _] = Parents, Options})
  when is_reference(Id), is_reference(Ref), is_map(Options) ->
    case {are_pids(Parents), names(Options)} of
        {true, Names} when is_map(Names) -> {next, From, Id, Ref, Value, Parents, Names};
        {_, closes_link} -> closes_link;
        _ -> unsupported
    end;
command('$saga_cancel', From, {Id, Origin, Reason})
  when is_reference(Id), is_reference(Origin) ->
    case reason(Reason) of
        error -> unsupported;
        Text -> {cancel, From, Id, Origin, Text}
    end;
command(Tag, From, {Id, Origin, Value}) when is_reference(Id), is_reference(Origin) ->
    case Tag of
        '$saga_result' -> {result, From, Id, Origin, Value};
        '$saga_interim' -> {interim, From, Id, Origin, Value};
        '$saga_commit' -> {commit, From, Id, Origin, Value};
        _ -> unsupported
    end;
command(_, _, _) ->
    unsupported.

%% Improper lists have no length.
are_pids(Pids) ->
    try length(Pids) of
        _ -> lists:all(fun is_pid/1, Pids)
    catch
        error:badarg -> false
    end.

names(Options) ->
    maps:fold(
        fun
            (_, _, closes_link) -> closes_link;
            (Key, _, _) when is_binary(Key) -> closes_link;
            (Key, Value, Names) when is_atom(Key) -> Names#{atom_to_list(Key) => Value};
            (Key, Value, Names) -> Names#{Key => Value}
        end,
        #{},
        Options
    ).

%% A charlist, an atom or a binary; all else does not fit in a Go string.
reason(Reason) when is_atom(Reason) -> atom_to_list(Reason);
reason(Reason) when is_binary(Reason) -> unicode:characters_to_list(Reason);
reason(Reason) ->
    case io_lib:char_list(Reason) of
        true -> Reason;
        false -> error
    end.

%% The options that ergo knows; the others are gone from here on.
options(Names) ->
    #{
        hop_limit => integer("HopLimit", 0, Names, 65535),
        lifespan => integer("Lifespan", 1, Names, 60),
        two_phase_commit => maps:get("TwoPhaseCommit", Names, false) =:= true
    }.

integer(Name, Least, Names, Default) ->
    case Names of
        #{Name := Value} when is_integer(Value), Value >= Least -> Value;
        _ -> Default
    end.

remaining(#{lifespan := Lifespan}, Since) ->
    max(0, Lifespan - (erlang:monotonic_time(second) - Since)).

next(Id, Ref, Value, Parents, {Options, Lifespan}) ->
    #{hop_limit := HopLimit, two_phase_commit := TwoPhase} = Options,
    Said = #{
        "HopLimit" => HopLimit, "Lifespan" => Lifespan, "TwoPhaseCommit" => TwoPhase
    },
    {'$saga_next', self(), {Id, Ref, Value, Parents, Said}}.

send(To, Tag, Id, {Ref, Value}) ->
    To ! {Tag, self(), {Id, Ref, Value}},
    ok.
