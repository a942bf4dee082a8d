defmodule GenStage do
  @moduledoc """
  As much of GenStage as the pages of the manual use, in place of the library.

  What a producer makes goes to who asked; it makes no more than that.
  """

  @behaviour :gen_server

  alias Stages.Inlet

  @callback init(argument :: term) ::
              {:producer, term} | {:consumer, term} | {:consumer, term, keyword}
  @callback handle_demand(demand :: pos_integer, term) :: {:noreply, list, term}
  @callback handle_events(events :: list, from :: {pid, term}, term) :: {:noreply, [], term}
  @optional_callbacks handle_demand: 2, handle_events: 3

  defmacro __using__(_options), do: quote(do: @behaviour(GenStage))

  def start_link(module, argument, options \\ [])

  def start_link(module, argument, name: name),
    do: :gen_server.start_link({:local, name}, __MODULE__, {module, argument}, [])

  def start_link(module, argument, []),
    do: :gen_server.start_link(__MODULE__, {module, argument}, [])

  def sync_subscribe(stage, options) do
    {to, options} = Keyword.pop!(options, :to)
    GenServer.call(stage, {:"$subscribe", nil, to, options})
  end

  @impl :gen_server
  def init({module, argument}) do
    {_, state, options} =
      case module.init(argument) do
        {kind, state} -> {kind, state, []}
        {kind, state, options} -> {kind, state, options}
      end

    inlet = Enum.reduce(Keyword.get(options, :subscribe_to, []), %Inlet{}, &subscribe/2)
    {:ok, %{module: module, state: state, inlet: inlet}}
  end

  defp subscribe({to, options}, inlet) do
    {_tag, inlet} = Inlet.subscribe(inlet, to, options)
    inlet
  end

  @impl :gen_server
  def handle_call(_request, _from, stage), do: {:noreply, stage}

  @impl :gen_server
  def handle_cast(_request, stage), do: {:noreply, stage}

  @impl :gen_server
  def handle_info({:"$gen_producer", {pid, tag}, {:ask, count}}, stage) do
    {:noreply, events, state} = stage.module.handle_demand(count, stage.state)
    if events != [], do: send(pid, {:"$gen_consumer", {self(), tag}, events})
    {:noreply, %{stage | state: state}}
  end

  def handle_info({:"$gen_producer", {pid, tag}, {:cancel, reason}}, stage) do
    send(pid, {:"$gen_consumer", {self(), tag}, {:cancel, reason}})
    {:noreply, stage}
  end

  def handle_info({:"$gen_producer", _from, {:subscribe, _current, _options}}, stage),
    do: {:noreply, stage}

  def handle_info({:"$gen_consumer", {_, tag}, {:cancel, reason}}, stage),
    do: cancelled(tag, reason, stage)

  def handle_info({:"$gen_consumer", from, events}, stage) do
    {batches, inlet} = Inlet.take(stage.inlet, from, events)
    {:noreply, Enum.reduce(batches, %{stage | inlet: inlet}, &handle(&1, from, &2))}
  end

  def handle_info({:DOWN, tag, _, _, reason}, stage), do: cancelled(tag, reason, stage)

  defp handle({events, count}, {_, tag} = from, stage) do
    {:noreply, [], state} = stage.module.handle_events(events, from, stage.state)
    Inlet.ask({Inlet.producer(stage.inlet, tag), tag}, count)
    %{stage | state: state}
  end

  defp cancelled(tag, reason, stage) do
    case Inlet.cancelled(stage.inlet, tag, reason) do
      {:stop, _producer, inlet} -> {:stop, reason, %{stage | inlet: inlet}}
      {:stay, _producer, inlet} -> {:noreply, %{stage | inlet: inlet}}
    end
  end
end
