# Modules that the Elixir chapters call, loaded once when the peer starts.
defmodule Peer.Counter do
  use GenServer

  def start(name, value), do: GenServer.start(__MODULE__, value, name: name)

  @impl true
  def init(value), do: {:ok, value}

  @impl true
  def handle_call({:echo, term}, _from, value), do: {:reply, term, value}
  def handle_call({:add, n}, _from, value), do: {:reply, value + n, value + n}
  def handle_call(:value, _from, value), do: {:reply, value, value}
  def handle_call(:crash, _from, _value), do: raise(ArgumentError, "wanted")

  @impl true
  def handle_cast({:add, n}, value), do: {:noreply, value + n}
end

defmodule Peer.Order do
  defstruct [:id, :note, lines: []]
end
