"""Converters for classes of Python's library, most of them structs in Elixir.

=============  ====================  ===============================================
constant       class                 term
=============  ====================  ===============================================
``DATETIME``   ``datetime``          ``%DateTime{}``, or ``%NaiveDateTime{}`` without
                                     a time zone
``DATE``       ``date``              ``%Date{}``
``TIME``       ``time``              ``%Time{}``
``DECIMAL``    ``Decimal``           ``%Decimal{}``
``RANGE``      ``range``             ``%Range{}``
``MAPSET``     ``frozenset``         ``%MapSet{}``
``SET``        ``set``               the same
``URI``        ``SplitResult``       ``%URI{}``
``UUID``       ``UUID``              a binary of 36 characters; of 16 bytes also in
=============  ====================  ===============================================

In an annotation these classes need nothing more: ``placed_at: datetime``. Elsewhere
they are opt-in: ``EncodeOptions(converters=etf.converters.ALL)`` lets such values be
sent, ``DecodeOptions(converters=...)`` makes them of the structs that arrive.
"""

from __future__ import annotations

from typing import Final

from ..mapping.converter import Converters
from .dates import DATE as DATE
from .dates import DATETIME as DATETIME
from .dates import TIME as TIME
from .dates import Zone as Zone
from .numbers import DECIMAL as DECIMAL
from .numbers import RANGE as RANGE
from .sets import MAPSET as MAPSET
from .sets import SET as SET
from .uris import URI as URI
from .uuids import UUID as UUID

DATES: Final = Converters([DATETIME, DATE, TIME])
"""Those of Elixir's calendar."""

ALL: Final = Converters([*DATES, DECIMAL, RANGE, MAPSET, SET, URI, UUID])
"""All of them."""
