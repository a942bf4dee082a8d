defmodule Stages.Ranges do
  @moduledoc """
  Events in the order in which they came: runs of integers as `{first, last}`.

  A million events that come in order are one pair. What is no integer is a pair with
  itself.
  """

  def new(), do: []

  def add(runs, events), do: :lists.foldl(&push/2, runs, events)

  defp push(event, [{first, last} | runs]) when is_integer(event) and event === last + 1,
    do: [{first, event} | runs]

  defp push(event, runs), do: [{event, event} | runs]

  def to_list(runs), do: :lists.reverse(runs)

  def count(runs), do: :lists.sum(:lists.map(&size/1, runs))

  defp size({first, last}) when is_integer(first), do: last - first + 1
  defp size(_), do: 1
end
