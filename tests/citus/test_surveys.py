"""Statements that ask all shards: only pollers' surveys, and few, however many pollers there are."""

import time
from dataclasses import replace
from itertools import pairwise

import pytest

from app.storage.postgres import surveys
from app.storage.postgres.surveys import SurveyKind
from tests.harness.world import World


async def test_surveys_of_a_deployment_are_an_interval_apart(world: World) -> None:
    """Turns of both kinds, taken at once by as many as ten pollers have."""
    paced = replace(world.database, survey_interval=0.1)
    began = time.time()
    reserved = [
        (await surveys.reserve(paced, kind), time.time() - began)
        for _ in range(10)
        for kind in SurveyKind
    ]
    at = sorted(wait + since for wait, since in reserved)
    # A turn is counted from its transaction, which began before the answer.
    assert all(later - earlier > 0.05 for earlier, later in pairwise(at))
    assert at[-1] - at[0] == pytest.approx(1.9, abs=0.3)
