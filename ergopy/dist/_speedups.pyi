from typing import Any, final

import etf
from ergopy.errors import RemoteProtocolError

from .limits import LinkLimits

@final
class LinkDecoder:
    def __init__(
        self,
        *,
        header: bool,
        limits: LinkLimits | None = None,
        options: etf.DecodeOptions | None = None,
    ) -> None: ...
    @property
    def ticks(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def error(self) -> RemoteProtocolError | None: ...
    def receive_data(
        self, data: bytes | bytearray | memoryview
    ) -> list[tuple[tuple[Any, ...], Any]]: ...

@final
class LinkEncoder:
    def __init__(
        self, *, header: bool, options: etf.EncodeOptions | None = None
    ) -> None: ...
    def control(self, control: tuple[Any, ...]) -> bytes: ...
    def frame(self, control: tuple[Any, ...], message: object) -> bytes: ...
    def payload(self, message: object) -> bytes: ...
    def frame_payload(self, control: tuple[Any, ...], payload: bytes) -> bytes: ...
