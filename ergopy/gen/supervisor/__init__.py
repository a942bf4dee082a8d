"""Supervisors: processes that start, watch, restart and stop others.

The functions are those of OTP's module ``supervisor``, for supervisors of either kind.
"""

from .ambient import current_supervisor as current_supervisor
from .ambient import spawn_soon as spawn_soon
from .backoff import Backoff as Backoff
from .checks import AutoShutdown as AutoShutdown
from .checks import Restart as Restart
from .checks import Shutdown as Shutdown
from .checks import Strategy as Strategy
from .dynamic import DynamicSupervisor as DynamicSupervisor
from .flags import Drain as Drain
from .partition import PartitionSupervisor as PartitionSupervisor
from .spec import ChildSpec as ChildSpec
from .spec import SupervisorSpec as SupervisorSpec
from .supervisor import Supervisor as Supervisor
from .tree import TreeNode as TreeNode
from .tree import all_trees as all_trees
from .tree import supervision_tree as supervision_tree
from .tree_remote import ask_tree as ask_tree
from .verbs import ChildCounts as ChildCounts
from .verbs import ChildInfo as ChildInfo
from .verbs import check_childspecs as check_childspecs
from .verbs import count_children as count_children
from .verbs import delete_child as delete_child
from .verbs import get_childspec as get_childspec
from .verbs import restart_child as restart_child
from .verbs import start_child as start_child
from .verbs import terminate_child as terminate_child
from .verbs import which_child as which_child
from .verbs import which_children as which_children
