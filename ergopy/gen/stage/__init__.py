"""Stages: pipelines that are driven by demand, as GenStage of Elixir."""

from .consumer import Consumer as Consumer
from .consumer_supervisor import ConsumerSupervisor as ConsumerSupervisor
from .dispatch import BroadcastDispatcher as BroadcastDispatcher
from .dispatch import DemandDispatcher as DemandDispatcher
from .dispatch import Dispatcher as Dispatcher
from .dispatch import Out as Out
from .dispatch import PartitionDispatcher as PartitionDispatcher
from .producer import Producer as Producer
from .producer_consumer import ProducerConsumer as ProducerConsumer
from .source import IterableProducer as IterableProducer
from .source import from_iterable as from_iterable
from .stream import StageStream as StageStream
from .stream import subscribe as subscribe
from .subscription import Subscription as Subscription
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
