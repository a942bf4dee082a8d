defmodule Stages.Consumer do
  @moduledoc """
  Keeps what it gets.

  Options: `to`, a list of `{producer, options}`; `mode`, `:automatic` or `:manual`, when
  it asks only if told to (`{:ask, tag, count}`, a call); `retry`, the milliseconds after
  which it subscribes again to a producer that is gone. A call `{:witness, pid}` has it
  tell that process `{:handled, first, last}` of each batch.
  """

  @behaviour :gen_server

  alias Stages.{Inlet, Ranges}

  @defaults %{to: [], mode: :automatic, retry: :never}

  def start(options \\ %{}), do: Stages.Start.start(__MODULE__, options)

  @impl true
  def init(options) do
    state = :maps.merge(@defaults, options)
    more = %{inlet: %Inlet{}, got: Ranges.new(), ends: [], infos: [], witness: :none}
    state = :maps.merge(state, more)
    {:ok, :lists.foldl(&subscribe/2, state, state.to)}
  end

  defp subscribe({to, options}, state) do
    {_, inlet} = Inlet.subscribe(state.inlet, to, options, state.mode)
    %{state | inlet: inlet}
  end

  @impl true
  def handle_call({:"$subscribe", current, to, options}, _from, state) do
    {tag, inlet} = Inlet.subscribe(state.inlet, to, options, state.mode, current)
    {:reply, {:ok, tag}, %{state | inlet: inlet}}
  end

  def handle_call({:"$info", message}, _from, state), do: {:reply, :ok, keep(message, state)}
  def handle_call(:"$estimate_buffered_count", _from, state), do: {:reply, 0, state}

  def handle_call({:ask, tag, count}, _from, state),
    do: {:reply, Inlet.ask({Inlet.producer(state.inlet, tag), tag}, count), state}

  def handle_call({:cancel, tag, reason}, _from, state) do
    message = {:cancel, reason}
    {:reply, Inlet.tell({Inlet.producer(state.inlet, tag), tag}, message), state}
  end

  def handle_call({:witness, pid}, _from, state), do: {:reply, :ok, %{state | witness: pid}}
  def handle_call(:tags, _from, state), do: {:reply, :maps.keys(state.inlet.producers), state}
  def handle_call(:got, _from, state), do: {:reply, Ranges.to_list(state.got), state}
  def handle_call(:count, _from, state), do: {:reply, Ranges.count(state.got), state}
  def handle_call(:ends, _from, state), do: {:reply, :lists.reverse(state.ends), state}
  def handle_call(:infos, _from, state), do: {:reply, :lists.reverse(state.infos), state}

  @impl true
  def handle_cast({:"$subscribe", _, _, _} = request, state) do
    {:reply, _, state} = handle_call(request, :nobody, state)
    {:noreply, state}
  end

  def handle_cast({:"$info", message}, state), do: {:noreply, keep(message, state)}

  defp keep(message, state), do: %{state | infos: [message | state.infos]}

  @impl true
  def handle_info({:"$gen_consumer", from, events}, state) when is_list(events) do
    case Inlet.take(state.inlet, from, events) do
      {batches, inlet} -> {:noreply, handle(batches, from, %{state | inlet: inlet})}
      :unknown -> {:noreply, state}
    end
  end

  def handle_info({:"$gen_consumer", {_, tag}, {:cancel, reason}}, state),
    do: cancelled(tag, reason, state)

  def handle_info({:DOWN, tag, _, _, reason}, state), do: cancelled(tag, reason, state)

  def handle_info({:subscribe, to, options}, state),
    do: {:noreply, subscribe({to, options}, state)}

  def handle_info(message, state), do: {:noreply, keep(message, state)}

  defp handle([], _from, state), do: state

  defp handle([{events, count} | batches], {_, tag} = from, state) do
    tell(state.witness, events)
    Inlet.ask({Inlet.producer(state.inlet, tag), tag}, count)
    handle(batches, from, %{state | got: Ranges.add(state.got, events)})
  end

  defp tell(:none, _events), do: :ok
  defp tell(witness, events), do: send(witness, {:handled, hd(events), :lists.last(events)})

  defp cancelled(tag, reason, state) do
    case Inlet.cancelled(state.inlet, tag, reason) do
      :unknown ->
        {:noreply, state}

      {:stop, _, inlet} ->
        {:stop, reason, %{state | inlet: inlet}}

      {:stay, to, inlet} ->
        Inlet.again(state.retry, to, state.to)
        {:noreply, %{state | inlet: inlet, ends: [reason | state.ends]}}
    end
  end
end
