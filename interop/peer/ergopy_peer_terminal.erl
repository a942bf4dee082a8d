%% A terminal for a remote shell that has no terminal: it stands where user_drv does.
%%
%% The group process below it is the real one of this release, with its line editing,
%% history and completion; what that wants on the screen is kept as text. So the OTP
%% here that was built without a terminal library is tested as well.
-module(ergopy_peer_terminal).
-export([start/1, type/2, interrupt/1, screen/1, wait/3, stop/1]).

%% What `erl -remsh Node` does when it comes up.
start(Node) ->
    Self = self(),
    Pid = spawn(fun() -> begin_driving(Self, Node) end),
    receive {Pid, started} -> Pid after 10000 -> error(timeout) end.

type(Pid, Text) -> Pid ! {type, Text}, ok.

interrupt(Pid) -> Pid ! interrupt, ok.

stop(Pid) -> exit(Pid, kill), ok.

screen(Pid) ->
    Ref = make_ref(),
    Pid ! {screen, self(), Ref},
    receive {Ref, Text} -> Text after 5000 -> error(timeout) end.

%% Wait until Expected is in the text behind the first From bytes; return where it ends.
wait(Pid, From, Expected) ->
    wait(Pid, From, Expected, erlang:monotonic_time(millisecond) + 10000).

wait(Pid, From, Expected, Until) ->
    Text = screen(Pid),
    case binary:match(Text, Expected, [{scope, {From, byte_size(Text) - From}}]) of
        {At, Size} ->
            At + Size;
        nomatch ->
            case erlang:monotonic_time(millisecond) > Until of
                true -> error({not_seen, Expected, Text});
                false -> receive after 20 -> wait(Pid, From, Expected, Until) end
            end
    end.

begin_driving(Starter, Node) ->
    process_flag(trap_exit, true),
    Release = list_to_integer(erlang:system_info(otp_release)),
    Expand =
        case Release > 25 andalso
             list_to_integer(erpc:call(Node, erlang, system_info, [otp_release])) > 25
        of
            true ->
                fun(Before, Options) ->
                    erpc:call(Node, edlin_expand, expand, [Before, Options])
                end;
            false ->
                fun(Before) -> rpc:call(Node, edlin_expand, expand, [Before]) end
        end,
    Options = [{dumb, false}, {expand_fun, Expand}],
    Group = group:start(self(), {Node, shell, start, []}, Options),
    Starter ! {self(), started},
    drive(Group, Release, <<>>).

drive(Group, Release, Text) ->
    receive
        {type, Keys} when Release > 25 ->
            Group ! {self(), {data, Keys}},
            drive(Group, Release, Text);
        {type, Keys} ->
            Group ! {self(), {data, unicode:characters_to_list(Keys)}},
            drive(Group, Release, Text);
        interrupt ->
            exit(Group, interrupt),
            drive(Group, Release, Text);
        {screen, From, Ref} ->
            From ! {Ref, Text},
            drive(Group, Release, Text);
        {Asker, tty_geometry} ->
            Asker ! {self(), tty_geometry, {100, 30}},
            drive(Group, Release, Text);
        {Asker, get_unicode_state} ->
            Asker ! {self(), get_unicode_state, true},
            drive(Group, Release, Text);
        {Asker, set_unicode_state, _} ->
            Asker ! {self(), set_unicode_state, true},
            drive(Group, Release, Text);
        {Asker, get_terminal_state} ->
            State = maps:from_keys([stdin, stdout, stderr], true),
            Asker ! {self(), get_terminal_state, State},
            drive(Group, Release, Text);
        {Group, Request} ->
            Shown = shown(Request, Group, Release),
            drive(Group, Release, <<Text/binary, Shown/binary>>);
        {'EXIT', Group, Reason} ->
            End = unicode:characters_to_binary(io_lib:format("<<ended: ~tp>>", [Reason])),
            drive(none, Release, <<Text/binary, End/binary>>);
        _ ->
            drive(Group, Release, Text)
    end.

%% What a request of the group puts on the screen.
shown({put_chars_sync, unicode, Chars, Reply}, Group, Release) when Release > 25 ->
    Group ! {reply, Reply, ok},
    Chars;
shown({put_chars_sync, unicode, Chars, Reply}, Group, _) ->
    Group ! {reply, Reply},
    Chars;
shown({requests, Requests}, Group, Release) ->
    << <<(shown(Request, Group, Release))/binary>> || Request <- Requests >>;
shown({Kind, unicode, Chars}, _, _)
    when Kind =:= put_chars; Kind =:= insert_chars; Kind =:= insert_chars_over ->
    unicode:characters_to_binary(Chars);
shown({redraw_prompt, Prompt, _, {Above, {Left, Right}, Below}}, _, _) ->
    Lines = lists:reverse(Above) ++ [lists:reverse(Left) ++ Right] ++ Below,
    unicode:characters_to_binary(["\r", Prompt, lists:join("\n", Lines)]);
shown({put_expand, unicode, Chars, _}, _, _) ->
    unicode:characters_to_binary(Chars);
shown(_, _, _) ->
    <<>>.
