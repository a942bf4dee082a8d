"""Stages: pipelines that are driven by demand, as GenStage of Elixir."""

from .consumer import Consumer as Consumer
from .dispatch import BroadcastDispatcher as BroadcastDispatcher
from .dispatch import DemandDispatcher as DemandDispatcher
from .dispatch import Dispatcher as Dispatcher
from .dispatch import Out as Out
from .dispatch import PartitionDispatcher as PartitionDispatcher
from .producer import Producer as Producer
from .producer_consumer import ProducerConsumer as ProducerConsumer
from .streams import IterableProducer as IterableProducer
from .streams import StageStream as StageStream
from .streams import from_iterable as from_iterable
from .streams import subscribe as subscribe
from .subscription import Subscription as Subscription
from .supervisor import ConsumerSupervisor as ConsumerSupervisor
from .verbs import ask as ask
from .verbs import async_info as async_info
from .verbs import async_resubscribe as async_resubscribe
from .verbs import async_subscribe as async_subscribe
from .verbs import cancel as cancel
from .verbs import demand as demand
from .verbs import estimate_buffered_count as estimate_buffered_count
from .verbs import sync_info as sync_info
from .verbs import sync_resubscribe as sync_resubscribe
from .verbs import sync_subscribe as sync_subscribe
