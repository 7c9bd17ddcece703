"""Turns of the pollers of a cluster: which slot of each kind of survey was taken last."""

import sqlalchemy as sa

from app.storage.tables.base import metadata

survey_slots = sa.Table(
    "survey_slots",
    metadata,
    # Always 0: all stores are asked.
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    # Its number, counted from 1970 in the intervals of `app/storage/postgres/surveys.py`.
    sa.Column("slot", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "kind"),
)
