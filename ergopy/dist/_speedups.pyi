from typing import Any, final

import etf
from ergopy.errors import RemoteProtocolError

from .fragmenting import LargeFrame
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
    def unfinished(self) -> int: ...
    @property
    def error(self) -> RemoteProtocolError | None: ...
    def receive_data(
        self, data: bytes | bytearray | memoryview
    ) -> list[tuple[tuple[Any, ...], Any]]: ...
    def grow_older(self, seconds: float) -> RemoteProtocolError | None: ...
    def forget(self) -> None: ...

@final
class LinkEncoder:
    def __init__(
        self,
        *,
        header: bool,
        cache: bool = False,
        fragments: bool = False,
        options: etf.EncodeOptions | None = None,
    ) -> None: ...
    @property
    def frames(self) -> int: ...
    def control(self, control: tuple[Any, ...]) -> bytes: ...
    def frame(
        self, control: tuple[Any, ...], message: object
    ) -> bytes | LargeFrame: ...
    def call(
        self, watch: tuple[Any, ...], control: tuple[Any, ...], message: object
    ) -> bytes | LargeFrame: ...
    def payload(self, message: object) -> bytes: ...
    def frame_payload(
        self, control: tuple[Any, ...], payload: bytes
    ) -> bytes | LargeFrame: ...
