defmodule Stages.ProducerConsumer do
  @moduledoc """
  Passes on what it gets, plus `add`, while those behind it ask for it.

  Other options as of a consumer: `to`, `retry`, and `name`. A producer's end waits
  behind the events that came before it. `left`, a call, has the last event that was sent
  each time that a consumer went down.
  """

  @behaviour :gen_server

  alias Stages.{Inlet, Outlet, Ranges}

  @defaults %{to: [], add: 0, retry: :never}

  def start(options \\ %{}), do: Stages.Start.start(__MODULE__, options)

  @impl true
  def init(options) do
    state = :maps.merge(@defaults, options)
    more = %{inlet: %Inlet{}, outlet: %Outlet{}, queue: :queue.new(), got: [], left: []}
    state = :maps.merge(state, more)
    {:ok, :lists.foldl(&subscribe/2, state, state.to)}
  end

  defp subscribe({to, options}, state) do
    {_, inlet} = Inlet.subscribe(state.inlet, to, options)
    %{state | inlet: inlet}
  end

  @impl true
  def handle_call({:"$subscribe", current, to, options}, _from, state) do
    {tag, inlet} = Inlet.subscribe(state.inlet, to, options, :automatic, current)
    {:reply, {:ok, tag}, %{state | inlet: inlet}}
  end

  def handle_call(:"$estimate_buffered_count", _from, state),
    do: {:reply, length(state.outlet.waiting), state}

  def handle_call(:got, _from, state), do: {:reply, Ranges.to_list(state.got), state}
  def handle_call(:left, _from, state), do: {:reply, :lists.reverse(state.left), state}
  def handle_call(:sent, _from, state), do: {:reply, Outlet.sent(state.outlet), state}

  @impl true
  def handle_cast(_request, state), do: {:noreply, state}

  @impl true
  def handle_info({:"$gen_producer", from, message}, state) do
    {_, outlet} = Outlet.handle(from, message, state.outlet)
    drain(%{state | outlet: outlet})
  end

  def handle_info({:"$gen_consumer", from, events}, state) when is_list(events) do
    case Inlet.take(state.inlet, from, events) do
      {batches, inlet} -> drain(queue({:batches, from, batches}, %{state | inlet: inlet}))
      :unknown -> {:noreply, state}
    end
  end

  def handle_info({:"$gen_consumer", {_, tag}, {:cancel, reason}}, state),
    do: drain(queue({:cancel, tag, reason}, state))

  def handle_info({:DOWN, monitor, _, _, reason}, state) do
    case Outlet.down(state.outlet, monitor) do
      nil -> drain(queue({:cancel, monitor, reason}, state))
      outlet -> {:noreply, %{state | outlet: outlet, left: [last_sent(state) | state.left]}}
    end
  end

  def handle_info({:subscribe, to, options}, state),
    do: {:noreply, subscribe({to, options}, state)}

  defp last_sent(%{got: []}), do: 0
  defp last_sent(%{got: [{_, last} | _]} = state), do: last - length(state.outlet.waiting)

  defp queue(item, state), do: %{state | queue: :queue.in(item, state.queue)}

  defp drain(state) do
    case :queue.peek(state.queue) do
      {:value, {:cancel, tag, reason}} ->
        cancelled(tag, reason, %{state | queue: :queue.drop(state.queue)})

      {:value, {:batches, _, []}} ->
        drain(%{state | queue: :queue.drop(state.queue)})

      {:value, {:batches, from, [batch | batches]}} ->
        if Outlet.owed(state.outlet) > 0 do
          queue = :queue.in_r({:batches, from, batches}, :queue.drop(state.queue))
          drain(pass_on(batch, from, %{state | queue: queue}))
        else
          {:noreply, state}
        end

      :empty ->
        {:noreply, state}
    end
  end

  defp pass_on({events, count}, {_, tag}, state) do
    outlet = Outlet.dispatch(state.outlet, changed(events, state.add))

    case state.inlet.producers do
      %{^tag => {to, _, _}} -> Inlet.ask({to, tag}, count)
      _ -> :ok
    end

    %{state | outlet: outlet, got: Ranges.add(state.got, events)}
  end

  defp changed(events, 0), do: events
  defp changed(events, add), do: :lists.map(&(&1 + add), events)

  defp cancelled(tag, reason, state) do
    case Inlet.cancelled(state.inlet, tag, reason) do
      :unknown ->
        drain(state)

      {:stop, _, inlet} ->
        {:stop, reason, %{state | inlet: inlet}}

      {:stay, to, inlet} ->
        Inlet.again(state.retry, to, state.to)
        drain(%{state | inlet: inlet})
    end
  end
end
