"""Pools: workers behind one name, and the verbs for them."""

from .pool import Pool as Pool
from .statistics import PoolStatistics as PoolStatistics
from .verbs import resize as resize
from .verbs import statistics as statistics
from .verbs import worker as worker
