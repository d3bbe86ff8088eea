"""Settings that bound the time and memory one file can take."""

from pydantic import Field, PositiveFloat, PositiveInt

from race_assets.settings.nodes import Node


class FileLimits(Node):
    """How large a file may be; one beyond it is rejected with a message that names the setting."""

    max_unpacked_ratio: float = Field(
        200, ge=10, description="unpacked bytes per packed byte, looked at from 32 MB on; racing data has 5 to 30"
    )
    max_member_gb: PositiveFloat = Field(
        64, description="unpacked, of one member of an archive, or of a compressed file that is no archive"
    )
    max_archive_gb: PositiveFloat = Field(4000, description="unpacked, of all members of an archive together")
    max_document_mb: PositiveFloat = Field(
        32,
        description="unpacked, of a file of JSON documents: one is held in memory as a whole, at many times its size",
    )
    max_undated_rows: PositiveInt = Field(
        500_000, description="rows of a file whose day cannot be told, each of which becomes a reject"
    )
