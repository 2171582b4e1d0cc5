"""Which skill a request belongs to: the skills' manifests, words compared in two languages, and what a request names."""

from scitrain.skills.manifest import Manifest, manifests
from scitrain.skills.match import Ranking, rank
from scitrain.skills.plan import Step, plan
from scitrain.skills.slots import Slots, read_slots

__all__ = ["Manifest", "Ranking", "Slots", "Step", "manifests", "plan", "rank", "read_slots"]
