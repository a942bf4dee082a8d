defmodule Stages.Producer do
  @moduledoc """
  Counts: answers each demand with the integers that come next.

  Options: `first` and `last` (or `:infinity`), `name`, `demand` (`:forward` or
  `:accumulate`), and what it does `at_end`, when `last` is sent: `:wait`,
  `{:cancel, reason}` or `{:stop, reason}`. `{:push, events}`, a cast, adds events that
  nobody asked for; `left`, a call, has the last event that was sent each time that a
  consumer went down.
  """

  @behaviour :gen_server

  alias Stages.Outlet

  @defaults %{first: 1, last: :infinity, demand: :forward, at_end: :wait}

  def start(options \\ %{}), do: Stages.Start.start(__MODULE__, options)

  @impl true
  def init(options) do
    state = :maps.merge(@defaults, options)
    {:ok, :maps.merge(state, %{next: state.first, owed: 0, outlet: %Outlet{}, left: [], infos: []})}
  end

  @impl true
  def handle_call(:"$demand", _from, state), do: {:reply, state.demand, state}
  def handle_call({:"$info", message}, _from, state), do: {:reply, :ok, keep(message, state)}

  def handle_call(:"$estimate_buffered_count", _from, state),
    do: {:reply, length(state.outlet.waiting), state}

  def handle_call({:"$subscribe", _, _, _}, _from, state),
    do: {:reply, {:error, :not_a_consumer}, state}

  def handle_call(:sent, _from, state), do: {:reply, Outlet.sent(state.outlet), state}
  def handle_call(:infos, _from, state), do: {:reply, :lists.reverse(state.infos), state}
  def handle_call(:left, _from, state), do: {:reply, :lists.reverse(state.left), state}
  def handle_call(:consumers, _from, state), do: {:reply, consumers(state), state}

  def handle_call({:cancel, reason}, _from, state),
    do: {:reply, :ok, %{state | outlet: Outlet.cancel_all(state.outlet, reason)}}

  defp consumers(state), do: :maps.keys(state.outlet.consumers)

  @impl true
  def handle_cast({:"$demand", mode}, state), do: produce(0, %{state | demand: mode})
  def handle_cast({:"$info", message}, state), do: {:noreply, keep(message, state)}

  def handle_cast({:push, events}, state),
    do: {:noreply, %{state | outlet: Outlet.dispatch(state.outlet, events)}}

  defp keep(message, state), do: %{state | infos: [message | state.infos]}

  @impl true
  def handle_info({:"$gen_producer", from, message}, state) do
    {count, outlet} = Outlet.handle(from, message, state.outlet)
    produce(count, %{state | outlet: outlet})
  end

  def handle_info({:DOWN, monitor, _, _, _}, state) do
    case Outlet.down(state.outlet, monitor) do
      nil -> {:noreply, state}
      outlet -> {:noreply, %{state | outlet: outlet, left: [state.next - 1 | state.left]}}
    end
  end

  def handle_info(message, state), do: {:noreply, keep(message, state)}

  defp produce(count, %{demand: :accumulate} = state),
    do: {:noreply, %{state | owed: state.owed + count}}

  defp produce(count, state) do
    case min(state.owed + count, left(state)) do
      0 ->
        {:noreply, %{state | owed: 0}}

      count ->
        events = :lists.seq(state.next, state.next + count - 1)
        outlet = Outlet.dispatch(state.outlet, events)
        finish(%{state | outlet: outlet, next: state.next + count, owed: 0})
    end
  end

  # An atom is more than any integer, which min/2 above makes use of.
  defp left(%{last: :infinity}), do: :infinity
  defp left(state), do: state.last - state.next + 1

  defp finish(%{next: next, last: last, at_end: at_end} = state) when next > last do
    case at_end do
      :wait -> {:noreply, state}
      {:cancel, reason} -> {:noreply, %{state | outlet: Outlet.cancel_all(state.outlet, reason)}}
      {:stop, reason} -> {:stop, reason, state}
    end
  end

  defp finish(state), do: {:noreply, state}
end
