"""Rules per source, the rejected runners of races, and files with records too far ahead to have a day."""

from alembic import op

revision = "0011"
down_revision = "0010"

COLUMNS = """
alter table core.races add column rejected_runners integer not null default 0;
alter table ops.source_files add column first_day_ahead date;
alter table ops.configuration add column source_rules jsonb not null default '{}';
"""

# A day also depends on the rules of the sources that have records of it, and on those of no other source.
WANTED_DAYS = """
create or replace view ops.wanted_days as
select race_date,
       sum(records)::bigint as records,
       jsonb_object_agg(source, wanted_inputs.fingerprint) as inputs,
       jsonb_object_agg(source, records) as records_of,
       jsonb_object_agg(source, bytes) as bytes_of,
       md5(string_agg(concat_ws(' ', source, wanted_inputs.fingerprint, configuration.source_rules ->> source), E'\\n'
                      order by source)
           || min(configuration.fingerprint)) as fingerprint,
       sum(points)::bigint as points
from ops.wanted_inputs
cross join ops.configuration
group by race_date;
"""


def upgrade() -> None:
    for statements in (COLUMNS, WANTED_DAYS):
        op.execute(statements)
