"""How sure one must be that two told races are one, and that a source's clock is right; linking is in `identity`."""

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from race_assets.settings.nodes import Node


class ClockSettings(Node):
    """When a source's clock is held to be wrong."""

    min_races: PositiveInt = Field(3, description="races that must show the same shift")
    min_meetings: PositiveInt = Field(
        2, description="meetings that must show it; one is enough for whole hours between sources that share no ids"
    )
    min_shift_minutes: PositiveFloat = Field(20, description="smaller ones are delays")
    spread_minutes: PositiveFloat = Field(10, description="how far from the shift a race still shows it")
    agreement: float = Field(0.8, gt=0.5, le=1, description="share of the compared races that must show it")


class LinkSettings(Node):
    """The linker's thresholds; scores are probabilities."""

    window_minutes: PositiveFloat = Field(20, description="how far apart two sources may state one off")
    min_score: float = Field(0.9, gt=0.5, le=1, description="from here on two told races are one")
    possible_score: float = Field(0.1, gt=0, le=1, description="from here on they may be one: a person is asked")
    name_similarity: float = Field(0.75, gt=0, le=1, description="1 - edits / length of names in one trap")
    clock: ClockSettings = ClockSettings()

    @model_validator(mode="after")
    def _ordered(self) -> "LinkSettings":
        if self.possible_score > self.min_score:
            raise ValueError("possible_score must not be above min_score")
        return self
