"""Settings of the `betfair_csv` source."""

from pydantic import Field, field_validator

from race_assets.settings.feeds import TRACK, known_zone
from race_assets.settings.source import SourceSettings


class BetfairCsvSettings(SourceSettings):
    """Where its files are, and the zone of times without an offset."""

    timezone: str | None = Field(
        None, description="of times without an offset: `track` or an IANA name; none rejects such rows"
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return zone if zone is None or zone == TRACK else known_zone(zone)
