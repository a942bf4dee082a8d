"""Match specifications mean what ``ets`` says they mean."""

from __future__ import annotations

import etf
from tests.gen.registry.match_rows import ROWS, parsed


async def test_ets_gives_what_the_table_says(beam):
    source = """
        [begin
             Table = ets:new(table, [bag]),
             ets:insert(Table, Subject),
             Found = catch ets:select(Table, Spec),
             ets:delete(Table),
             Found
         end || {Subject, Spec} <- Rows]
    """
    rows = [(parsed(subject), parsed(spec)) for subject, spec, _ in ROWS]
    answers = await beam.run(source, Rows=rows)
    for (subject, spec, expected), answer in zip(ROWS, answers, strict=True):
        assert etf.same(answer, parsed(expected)), (subject, spec)
