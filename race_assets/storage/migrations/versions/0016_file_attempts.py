"""Count attempts at reading each file and at building each day, so that one that never succeeds holds up no other."""

from alembic import op

revision = "0016"
down_revision = "0013"


def upgrade() -> None:
    op.execute(
        """create table ops.file_attempts (
               source text not null,
               sha256 text not null,
               name text not null,
               parser_version integer not null,
               failures bigint not null,
               excused bigint not null,
               running jsonb not null,
               last_failure text,
               last_at timestamp with time zone not null,
               set_aside_at timestamp with time zone,
               primary key (source, sha256)
           )"""
    )
    op.execute("alter table ops.day_attempts add column interrupted bigint not null default 0")
    op.execute("alter table ops.day_attempts add column running jsonb not null default '{}'")
    op.execute("alter table ops.source_files drop constraint source_files_state_check")
    op.execute(
        """alter table ops.source_files add constraint source_files_state_check
           check (state in ('landed', 'unreadable', 'no_data', 'blocked_page', 'set_aside'))"""
    )
