%% Writes the external term format as a real BEAM makes and takes it.
%%
%% Run it on each release (the compiler of the older one will do for both):
%%
%%   erlc etf_vectors.erl
%%   erl -noshell -pa . -eval 'etf_vectors:main("etf_vectors_otp25.json")' -s erlang halt
%%
%% "terms" holds, for each source text, what term_to_binary/2 gives with each option.
%% "inputs" holds bytes written by hand, and what the BEAM makes of them: the term
%% encoded again, or null where binary_to_term/1 refuses.
%%
%% Left out, because they end a BEAM instead of being refused: a fun whose creator is
%% no pid (OTP 25: segmentation fault), a bit string of no bytes and no bits (OTP 28:
%% allocates 2^61 bytes), a compressed local term with a wrong hash (OTP 28:
%% segmentation fault).
%%
%% etf_vectors:check(In, Out) reads encoded terms, one a line in hexadecimal, and
%% writes for each what the BEAM makes of it, in the same way.
-module(etf_vectors).
-export([main/1, check/2, closure/2, nested/1]).

closure(A, B) -> fun(C) -> {A, B, C} end.

nested(A) -> F = closure(A, []), fun() -> F(1) end.

main(File) ->
    Terms = [term(Name, Text) || {Name, Text} <- terms()],
    Inputs = [input(Name, Data) || {Name, Data} <- inputs()],
    Release = erlang:system_info(otp_release),
    ok = file:write_file(File, [
        "{\n \"otp\": \"", Release, "\",\n \"terms\": [\n",
        lists:join(",\n", Terms), "\n ],\n \"inputs\": [\n",
        lists:join(",\n", Inputs), "\n ]\n}\n"]).

check(In, Out) ->
    {ok, Text} = file:read_file(In),
    Lines = binary:split(Text, <<"\n">>, [global, trim_all]),
    ok = file:write_file(Out, [[result(unhex(Line)), "\n"] || Line <- Lines]).

term(Name, Text) ->
    Term = eval(Text),
    Forms = [{"default", []},
             {"minor0", [{minor_version, 0}]},
             {"minor1", [{minor_version, 1}]},
             {"minor2", [{minor_version, 2}]},
             {"compressed", [compressed]},
             {"deterministic", [deterministic]},
             {"local", [local]},
             {"local_compressed", [local, compressed]}],
    Pairs = [{Key, Bytes} || {Key, Options} <- Forms,
                             Bytes <- encoded(Text, Term, Options)],
    object([{"name", Name}, {"text", Text} | Pairs]).

%% [local] is known from OTP 26 on. OTP 28.5 aborts when it meets "fun M:F/A" there.
encoded("fun " ++ _, _, [local | _]) -> [];
encoded(_, Term, Options) ->
    try [hex(term_to_binary(Term, Options))] catch error:badarg -> [] end.

input(Name, Data) ->
    object([{"name", Name}, {"data", hex(Data)}, {"result", result(Data)}]).

result(Data) ->
    try hex(term_to_binary(binary_to_term(Data), [{minor_version, 2}]))
    catch error:_ -> "null"
    end.

eval(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text ++ "."),
    {ok, Exprs} = erl_parse:parse_exprs(Tokens),
    {value, Term, _} = erl_eval:exprs(Exprs, []),
    Term.

object(Pairs) ->
    ["  {", lists:join(", ", [["\"", Key, "\": ", value(Value)]
                              || {Key, Value} <- Pairs]), "}"].

value("null") -> "null";
value(Text) -> ["\"", [escape(Char) || Char <- Text], "\""].

escape($") -> "\\\"";
escape($\\) -> "\\\\";
escape(Char) when Char >= 32, Char < 127 -> Char.

hex(Data) -> lists:flatten([io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= Data]).

unhex(Text) -> << <<(binary_to_integer(Pair, 16))>> || <<Pair:2/binary>> <= Text >>.

%% The names are the keys of what the tests expect.
terms() ->
    [{"atom", "ok"},
     {"empty_atom", "''"},
     {"latin1_atom", "'\\x{e9}'"},
     {"wide_atom", "'\\x{20ac}\\x{1f600}'"},
     {"atom_255", "list_to_atom(lists:duplicate(255, $x))"},
     {"atom_255_wide", "list_to_atom(lists:duplicate(255, 16#1F600))"},
     {"atom_128_latin1", "list_to_atom(lists:duplicate(128, 16#E9))"},
     {"true", "true"}, {"false", "false"}, {"nil", "nil"},
     {"undefined", "undefined"},
     {"zero", "0"}, {"byte", "255"}, {"int_256", "256"}, {"minus_one", "-1"},
     {"int_max", "2147483647"}, {"int_min", "-2147483648"},
     {"int_max_plus_1", "2147483648"}, {"int_min_minus_1", "-2147483649"},
     {"two_63", "1 bsl 63"}, {"minus_two_64", "-(1 bsl 64)"},
     {"big_255", "(1 bsl 2040) - 1"}, {"big_256", "1 bsl 2040"},
     {"minus_big", "-(1 bsl 2047)"},
     {"one_float", "1.0"}, {"zero_float", "0.0"}, {"minus_zero", "-0.0"},
     {"tenth", "0.1"}, {"huge_float", "1.7976931348623157e308"},
     {"tiny_float", "5.0e-324"}, {"minus_float", "-1.5"},
     {"nil_list", "[]"}, {"string", "\"abc\""},
     {"bytes_list", "[0,255,128]"}, {"ints_list", "[1,256]"},
     {"negative_list", "[-1]"}, {"mixed_list", "[1,2.5,a,<<\"b\">>,[]]"},
     {"wide_string", "[8364,97]"},
     {"long_string", "lists:duplicate(300, 1)"},
     {"improper", "[1|2]"}, {"improper_alias", "[alias|a]"},
     {"improper_binary", "[1,2,3|<<>>]"},
     {"nested_list", "[[[]],[[1]],[a|b]]"},
     {"empty_tuple", "{}"}, {"pair", "{a,1}"},
     {"tuple_255", "list_to_tuple(lists:duplicate(255, []))"},
     {"tuple_256", "list_to_tuple(lists:duplicate(256, []))"},
     {"empty_map", "#{}"}, {"map", "#{a => 1}"},
     {"twins_map", "#{1 => int, 1.0 => float, true => atom}"},
     {"lists_map", "#{[1] => list, {1} => tuple, \"a\" => string}"},
     {"maps_map", "#{#{} => 0, #{a => [1]} => 1, [#{b => 2}] => 2}"},
     {"improper_map", "#{[1|2] => 3}"},
     {"text_map", "#{a => 1, <<\"b\">> => 2, \"a\" => 3}"},
     {"map_40", "maps:from_list([{I, I * I} || I <- lists:seq(1, 40)])"},
     {"empty_binary", "<<>>"}, {"binary", "<<1,2>>"},
     {"utf8_binary", "<<\"h\\x{e9}\"/utf8>>"},
     {"binary_300", "binary:copy(<<7>>, 300)"},
     {"bits_3", "<<5:3>>"}, {"bits_11", "<<1,5:3>>"}, {"bits_7", "<<127:7>>"},
     {"sixty_a", "lists:duplicate(60, $a)"},
     {"export", "fun lists:map/2"},
     {"export_atoms", "fun '':'\\x{e9}'/255"},
     {"pid",
      "binary_to_term(<<131,88,119,3,\"a@h\",1:32,2:32,3:32>>)"},
     {"pid_32_bits",
      "binary_to_term(<<131,88,119,3,\"a@h\",-1:32,-1:32,-1:32>>)"},
     {"ref_1", "binary_to_term(<<131,90,1:16,119,3,\"a@h\",3:32,5:32>>)"},
     {"ref_3",
      "binary_to_term(<<131,90,3:16,119,3,\"a@h\",3:32,5:32,6:32,7:32>>)"},
     {"ref_5", "binary_to_term(<<131,90,5:16,119,3,\"a@h\",3:32,"
               "5:32,6:32,7:32,8:32,9:32>>)"},
     {"port", "binary_to_term(<<131,89,119,3,\"a@h\",5:32,3:32>>)"},
     {"port_64",
      "binary_to_term(<<131,120,119,3,\"a@h\",16#123456789abcdef0:64,3:32>>)"},
     {"gen_call",
      "{'$gen_call', {binary_to_term(<<131,88,119,3,\"a@h\",1:32,2:32,3:32>>),"
      " [alias|binary_to_term(<<131,90,3:16,119,3,\"a@h\",3:32,5:32,6:32,7:32>>)]},"
      " {get, <<\"key\">>, 42}}"},
     {"self", "self()"}, {"make_ref", "make_ref()"}, {"alias", "alias()"},
     {"own_port", "hd(erlang:ports())"},
     {"closure", "etf_vectors:closure(1, [a])"},
     {"closure_of_closure", "etf_vectors:nested(<<\"x\">>)"},
     {"evaluated_fun", "fun(X) -> X + 1 end"},
     {"deep", "lists:foldl(fun(_, T) -> {T} end, 0, lists:seq(1, 300))"}].

inputs() ->
    Node = <<119, 3, "a@h">>,
    Text = fun(T, Size) ->
               Pad = (Size - byte_size(T)) * 8,
               <<131, 99, T/binary, 0:Pad>>
           end,
    Zip = fun(Size, T) ->
              <<131, 80, Size:32, (zlib:compress(T))/binary>>
          end,
    Fun = fun(Size, Count, Pid, Free) ->
              <<131, 112, Size:32, 1, 0:128, 0:32, Count:32,
                119, 1, "m", 97, 0, 97, 1, Pid/binary, Free/binary>>
          end,
    Pid = <<88, Node/binary, 1:32, 2:32, 3:32>>,
    Big = fun(Bytes) -> <<131, 111, Bytes:32, 0, 1:(Bytes * 8)/little>> end,
    Atom = fun(Size, Name) -> <<131, 118, Size:16, Name/binary>> end,
    [{"old_float", Text(<<"1.50000000000000000000e+00">>, 31)},
     {"old_float_negative", Text(<<"-2.5e-3">>, 31)},
     {"old_float_plain", Text(<<"2.5">>, 31)},
     {"old_float_upper", Text(<<"2.5E1">>, 31)},
     {"old_float_space", Text(<<" 2.5">>, 31)},
     {"old_float_int", Text(<<"2">>, 31)},
     {"old_float_no_digit", Text(<<".5">>, 31)},
     {"old_float_comma", Text(<<"1,5">>, 31)},
     {"old_float_tail", Text(<<"1.5x">>, 31)},
     {"old_float_nul", Text(<<"1.5", 0, "x">>, 31)},
     {"old_float_nan", Text(<<"nan">>, 31)},
     {"old_float_inf", Text(<<"1.0e999">>, 31)},
     {"old_float_empty", Text(<<>>, 31)},
     {"old_float_cut", Text(<<"1.5">>, 30)},
     {"nan", <<131, 70, 16#7ff8000000000000:64>>},
     {"infinity", <<131, 70, 16#7ff0000000000000:64>>},
     {"minus_infinity", <<131, 70, 16#fff0000000000000:64>>},
     {"latin1_atom", <<131, 100, 2:16, 16#c3, 16#e9>>},
     {"latin1_small_atom", <<131, 115, 2, 16#c3, 16#e9>>},
     {"latin1_atom_256", <<131, 100, 256:16, (binary:copy(<<"x">>, 256))/binary>>},
     {"atom_256", Atom(256, binary:copy(<<"x">>, 256))},
     {"atom_255_in_118", Atom(255, binary:copy(<<"x">>, 255))},
     {"short_atom_in_118", Atom(2, <<"ok">>)},
     {"atom_255_wide", Atom(1020, binary:copy(<<16#f0, 16#9f, 16#98, 16#80>>, 255))},
     {"atom_256_wide", Atom(512, binary:copy(<<16#c3, 16#a9>>, 256))},
     {"atom_bad_utf8", <<131, 119, 2, 16#c3, 16#28>>},
     {"atom_overlong", <<131, 119, 2, 16#c0, 16#80>>},
     {"atom_surrogate", <<131, 119, 3, 16#ed, 16#a0, 16#80>>},
     {"atom_nul", <<131, 119, 1, 0>>},
     {"old_pid", <<131, 103, 100, 3:16, "a@h", 1:32, 2:32, 3>>},
     {"old_pid_creation_4", <<131, 103, Node/binary, 1:32, 2:32, 4>>},
     {"old_pid_creation_0", <<131, 103, Node/binary, 1:32, 2:32, 0>>},
     {"old_port", <<131, 102, Node/binary, 5:32, 3>>},
     {"old_port_creation_4", <<131, 102, Node/binary, 5:32, 4>>},
     {"new_port_29_bits", <<131, 89, Node/binary, (1 bsl 28):32, 3:32>>},
     {"old_ref", <<131, 101, Node/binary, 5:32, 3>>},
     {"old_ref_creation_4", <<131, 101, Node/binary, 5:32, 4>>},
     {"new_ref", <<131, 114, 2:16, Node/binary, 3, 5:32, 6:32>>},
     {"new_ref_creation_4", <<131, 114, 2:16, Node/binary, 4, 5:32, 6:32>>},
     {"ref_0", <<131, 90, 0:16, Node/binary, 3:32>>},
     {"ref_4", <<131, 90, 4:16, Node/binary, 3:32, 1:32, 2:32, 3:32, 4:32>>},
     {"ref_6", <<131, 90, 6:16, Node/binary, 3:32, 0:192>>},
     {"new_ref_4", <<131, 114, 4:16, Node/binary, 3, 5:32, 6:32, 7:32, 8:32>>},
     {"pid_node_binary", <<131, 88, 109, 3:32, "a@h", 1:32, 2:32, 3:32>>},
     {"pid_node_true", <<131, 88, 119, 4, "true", 1:32, 2:32, 3:32>>},
     {"pid_node_empty", <<131, 88, 119, 0, 1:32, 2:32, 3:32>>},
     {"small_big_zeros", <<131, 110, 4, 0, 5, 0, 0, 0>>},
     {"big_minus_zero", <<131, 110, 1, 1, 0>>},
     {"big_no_bytes", <<131, 110, 0, 0>>},
     {"big_sign_2", <<131, 110, 5, 2, 1, 2, 3, 4, 5>>},
     {"large_big_small", <<131, 111, 1:32, 1, 7>>},
     {"large_big_300", Big(300)},
     {"large_tuple_small", <<131, 105, 1:32, 97, 1>>},
     {"large_tuple_empty", <<131, 105, 0:32>>},
     {"list_0_nil", <<131, 108, 0:32, 106>>},
     {"list_0_int", <<131, 108, 0:32, 97, 5>>},
     {"list_tail_list", <<131, 108, 1:32, 97, 1, 108, 1:32, 98, 9:32, 106>>},
     {"list_tail_string", <<131, 108, 1:32, 98, 9:32, 107, 2:16, 1, 2>>},
     {"list_tail_improper", <<131, 108, 1:32, 97, 1, 108, 1:32, 97, 2, 97, 3>>},
     {"list_tail_list_0", <<131, 108, 1:32, 97, 1, 108, 0:32, 97, 2>>},
     {"list_of_bytes", <<131, 108, 3:32, 97, 1, 97, 2, 97, 3, 106>>},
     {"string_0", <<131, 107, 0:16>>},
     {"bits_8", <<131, 77, 2:32, 8, 1, 2>>},
     {"bits_0", <<131, 77, 1:32, 0, 1>>},
     {"bits_9", <<131, 77, 1:32, 9, 1>>},
     {"bits_3_empty", <<131, 77, 0:32, 3>>},
     {"bits_8_empty", <<131, 77, 0:32, 8>>},
     {"bits_9_empty", <<131, 77, 0:32, 9>>},
     {"bits_dirty", <<131, 77, 1:32, 3, 255>>},
     {"map_duplicate", <<131, 116, 2:32, 97, 1, 97, 2, 97, 1, 97, 3>>},
     {"map_duplicate_forms", <<131, 116, 2:32, 97, 1, 97, 2, 98, 1:32, 97, 3>>},
     {"map_duplicate_list", <<131, 116, 2:32, 107, 1:16, 1, 97, 2,
                              108, 1:32, 97, 1, 106, 97, 3>>},
     {"map_twins", <<131, 116, 2:32, 97, 1, 97, 2, 70, 1.0/float, 97, 3>>},
     {"map_zeros", <<131, 116, 2:32, 70, 0.0/float, 97, 2, 70, -0.0/float, 97, 3>>},
     {"export", <<131, 113, 119, 1, "m", 119, 1, "f", 97, 2>>},
     {"export_arity_98", <<131, 113, 119, 1, "m", 119, 1, "f", 98, 2:32>>},
     {"export_arity_256", <<131, 113, 119, 1, "m", 119, 1, "f", 98, 256:32>>},
     {"export_arity_atom", <<131, 113, 119, 1, "m", 119, 1, "f", 119, 1, "a">>},
     {"fun_removed", <<131, 117, 0:32, Pid/binary, 119, 1, "m", 97, 0, 97, 0>>},
     {"fun", Fun(54, 0, Pid, <<>>)},
     {"fun_wrong_size", Fun(9, 0, Pid, <<>>)},
     {"fun_free", Fun(58, 2, Pid, <<97, 1, 97, 2>>)},
     {"fun_old_pid", Fun(51, 0, <<103, Node/binary, 1:32, 2:32, 3>>, <<>>)},
     {"fun_256_free", Fun(566, 256, Pid, binary:copy(<<97, 1>>, 256))},
     {"compressed", Zip(5, <<109, 0:32>>)},
     {"compressed_list", Zip(8, <<107, 5:16, "aaaaa">>)},
     {"compressed_too_small", Zip(7, <<107, 5:16, "aaaaa">>)},
     {"compressed_too_big", Zip(9, <<107, 5:16, "aaaaa">>)},
     {"compressed_tail", Zip(3, <<97, 1, 97>>)},
     {"compressed_nothing", Zip(0, <<>>)},
     {"compressed_twice", Zip(11, <<80, 2:32, (zlib:compress(<<97, 1>>))/binary>>)},
     {"compressed_no_zlib", <<131, 80, 2:32, 1, 2, 3>>},
     {"compressed_inside", <<131, 104, 1, 80, 2:32,
                             (zlib:compress(<<97, 1>>))/binary>>},
     {"local_inside", <<131, 104, 1, 121, 0:64>>},
     {"atom_cache_ref", <<131, 82, 0>>},
     {"unknown_tag", <<131, 255>>},
     {"version_inside", <<131, 104, 1, 131, 97, 1>>},
     {"version_130", <<130, 97, 1>>},
     {"empty", <<>>},
     {"version_only", <<131>>},
     {"trailing", <<131, 97, 1, 0>>}].
