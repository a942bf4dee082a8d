%% Prints what this release makes of a table of terms; see etf_text.py.
-module(etf_text).
-export([main/0]).

main() ->
    [line(["text ", hex(T), " ", print(T)]) || T <- terms()],
    Sorted = lists:sort(mixed()),
    lists:foldl(fun rank/2, {0, none}, Sorted),
    halt().

%% Equal (==) neighbours have the same rank.
rank(Term, {_, none}) ->
    line(["rank 0 ", hex(Term)]),
    {0, {some, Term}};
rank(Term, {Rank, {some, Before}}) ->
    Next = case Term == Before of true -> Rank; false -> Rank + 1 end,
    line(["rank ", integer_to_list(Next), " ", hex(Term)]),
    {Next, {some, Term}}.

line(Text) -> io:put_chars([Text, $\n]).
hex(Term) -> [io_lib:format("~2.16.0b", [B]) || <<B>> <= term_to_binary(Term)].
print(Term) -> base64:encode(unicode:characters_to_binary(io_lib:format("~0tp", [Term]))).

external(Data) -> binary_to_term(<<131, Data/binary>>).
node_atom(Name) -> <<119, (byte_size(Name)), Name/binary>>.
pid(Node, Id, Serial, Creation) ->
    external(<<88, (node_atom(Node))/binary, Id:32, Serial:32, Creation:32>>).
port(Node, Id, Creation) ->
    external(<<120, (node_atom(Node))/binary, Id:64, Creation:32>>).
reference(Node, Creation, Words) ->
    Data = << <<W:32>> || W <- Words >>,
    external(<<90, (length(Words)):16, (node_atom(Node))/binary, Creation:32, Data/binary>>).
function(Module, Index, Uniq, Free) ->
    Terms = << <<(tail(F))/binary>> || F <- Free >>,
    Body = <<1, Uniq:128, Index:32, (length(Free)):32, (node_atom(Module))/binary,
             97, Index, 98, Uniq:32, 88, (node_atom(<<"a@h">>))/binary, 1:32, 0:32, 1:32,
             Terms/binary>>,
    external(<<112, (byte_size(Body) + 4):32, Body/binary>>).
tail(Term) -> <<131, Data/binary>> = term_to_binary(Term), Data.

atoms() ->
    [ok, 'foo bar', 'Foo', '', 'case', 'fun', 'else', 'maybe', 'and', query, begin_, 'end',
     'é', 'aé', 'É', 'п', 'aп', '_x', 'a@b', '@a', 'a-b', 'a.b', 'a\nb', 'a\'b', 'a\\b',
     'a"b', 'a\eb', '÷a', 'ß', 'aª', 'a²', 'foo?', 'foo!', 'a?b', '1a', '日本', true, false,
     nil, undefined, '+', '<>', '..', '{}', '%{}', '=>', '::', 'when', 'do', 'Elixir',
     'Elixir.Foo', 'Elixir.Foo.Bar', 'Elixir.foo', 'Elixir.Foo.bar', 'Elixir.É', 'a#{b'].

texts() ->
    ["abc", [233], [1087, 1088], [97, 7], [97, 127], [97, 27], [0], "\n\t\b\v\f\r", "a\"b\\c'",
     [97, 8364], "#{x}", "", <<"abc">>, <<"é"/utf8>>, <<233>>, <<97, 233>>, <<97, 128>>,
     <<"привет"/utf8>>, <<16#1F600/utf8>>, <<97, 16#85/utf8>>, <<0>>, <<97, 0>>, <<97, 7>>,
     <<"a\n\t\b\v\f\r\e">>, <<97, 127>>, <<"a\"b\\">>, <<"a#{b}">>, <<"#">>, <<>>, <<1, 2, 5:3>>,
     <<"abc", 5:3>>, <<97, 0:1>>, <<5:3>>, <<237, 160, 128>>, <<16#FFFE/utf8>>, <<255>>].

numbers() ->
    [0, -5, 255, 256, 1 bsl 64, -(1 bsl 64), 0.0, 1.0, -1.5, 1.0e22, 1.0e-10, 0.001, 1.0e-4,
     123456789.0e3, 1.0e15, 9007199254740992.0, 9007199254740991.0, 4.2e3, 1.0e100, 5.0e-324,
     1.7976931348623157e308, 3.141592653589793, 100000.0, 123456.789].

containers() ->
    [{}, {1}, {1, a, "x"}, [], [[]], [1, 2], [1 | 2], [97 | 98], [a, b | c], #{}, #{a => 1},
     #{1 => "a"}, #{<<"k">> => <<"v">>}, #{"k" => 1}, #{nil => 1}, #{'A b' => 1}, #{'Elixir.Foo' => 1},
     #{'__struct__' => 'Elixir.Foo'}, #{{1, [2]} => #{3 => 4}}, #{#{a => 1} => b}, #{1.0 => a},
     [{a, 1}, {b, [{c, 2}]}], [{'foo bar', 1}], [{nil, 1}, {true, 2}], [{'Elixir.Foo', 1}], [{'Foo', 1}],
     [{'+', 1}], [{'=>', 1}], [{a, 1}, {<<"b">>, 2}], [{a, 1} | 2], [{a, 1, 2}], {a, [{b, 1}]},
     fun lists:map/2, fun 'A b':'C d'/0, fun 'Elixir.Enum':map/2, fun 'Elixir.Foo':'+'/2, fun a:'B'/1,
     fun a:'..'/1].

terms() -> atoms() ++ texts() ++ numbers() ++ containers().

mixed() ->
    Nodes = [<<"a@h">>, <<"b@h">>],
    [N * 1.0 || N <- [1, 2, 3, 100]] ++ [1, 2, 3, 100, -1, 1 bsl 53, (1 bsl 53) + 1,
     9007199254740992.0, 1.0e300, 1 bsl 1024, -(1 bsl 1024), (1 bsl 70) + 1, 1180591620717411303424.0,
     (1 bsl 60) + 1, 1152921504606846976.0, 0.5, -0.5] ++
    [a, aa, b, 'Z', '', 'é', 'п', '日', nil, true, false, undefined] ++
    [reference(N, C, W) || N <- Nodes, C <- [1, 2],
        W <- [[0, 0, 1], [1, 0, 0], [1, 2, 3], [3, 2, 1], [1, 1, 1, 0, 1], [2, 1], [7]]] ++
    [function(M, I, U, F) || M <- [<<"m">>, <<"k">>], I <- [1, 2], U <- [3, 4],
        F <- [[], [1], [2], [1, 1]]] ++
    [fun a:b/1, fun a:b/2, fun a:z/1, fun aa:b/1, fun b:a/0] ++
    [port(N, I, C) || N <- Nodes, I <- [1, 2, 16#fffffffff], C <- [1, 2]] ++
    [pid(N, I, S, C) || N <- Nodes, I <- [1, 2], S <- [0, 1], C <- [1, 2]] ++
    [{}, {1}, {2}, {1, 2}, {1, 1}, {a}, {1.0}, {[], 1}] ++
    [#{}, #{1 => 1}, #{1.0 => 1}, #{1 => 1.0}, #{1 => 0.5}, #{2 => 1}, #{0.5 => a}, #{a => 1},
     #{a => 0.5}, #{100 => a}, #{a => 1, b => 2}, #{a => 2, c => 1}, #{{1} => a}, #{{0.5} => a},
     #{[1] => a}, #{[0.5] => a}, #{#{1 => a} => a}, #{#{0.5 => a} => a}, #{#{a => 1} => a},
     #{#{a => 0.5} => a}, #{{1, b} => 1}, #{{1.0, a} => 1}, #{1 => a, 1.0 => b}] ++
    [maps:from_list([{I, I} || I <- lists:seq(F, F + 39)]) || F <- [1, 2]] ++
    [maps:from_list([{I * 1.0, I} || I <- lists:seq(1, 40)]),
     maps:from_list([{I, -I} || I <- lists:seq(1, 40)])] ++
    [[], [1], [1, 2], [2], [1 | 2], [1 | a], [[]], [1 | #{}], "abc", "abd", [a], [1.0], [1.0, 3]] ++
    [<<>>, <<0>>, <<0:3>>, <<1:1>>, <<255>>, <<127>>, <<0, 0>>, <<0:9>>, <<1:2>>, <<3:7>>,
     <<6, 0:1>>, <<6>>, <<7>>, <<254, 1:1>>, <<"abc">>].
