"""What settings are made of: the strict node, and limits of rate; the tree itself is in the package."""

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt


class Node(BaseModel):
    """A branch of the tree: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class RateLimit(Node):
    """How fast an API may be asked."""

    requests_per_second: PositiveFloat
    burst_size: PositiveInt
