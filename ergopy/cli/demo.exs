# The Elixir side of `ergopy demo`; nothing but Elixir's own library.
python = System.fetch_env!("ERGOPY_DEMO_NODE") |> String.to_atom()

defmodule Greeter do
  use GenServer
  def init(words), do: {:ok, words}
  def handle_call({:greet, who}, _from, words), do: {:reply, "#{words}, #{who}!", words}
end

IO.puts("elixir> GenServer.call({:counter, #{inspect(python)}}, {:add, 3})")
IO.inspect(GenServer.call({:counter, python}, {:add, 3}))
IO.puts("elixir> :erpc.call(#{inspect(python)}, :text, :shout, [\"it works\"])")
IO.inspect(:erpc.call(python, :text, :shout, ["it works"]))
IO.puts("elixir> Process.monitor({:fragile, #{inspect(python)}}), then it crashes")
ref = Process.monitor({:fragile, python})
GenServer.cast({:fragile, python}, :crash)

receive do
  {:DOWN, ^ref, :process, _, {:python, class, message, _frames}} ->
    IO.puts("DOWN: #{class}: #{message}")
end

{:ok, _} = GenServer.start_link(Greeter, "Hello from Elixir #{System.version()}", name: :greeter)
send({:demo, python}, {:ready, self()})

receive do
  :done -> :ok
after
  10_000 -> exit(:python_said_nothing)
end
