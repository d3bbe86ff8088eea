"""A fake Racing Post feed on loopback, for tests and by hand; every dog, run and comment in it is invented."""

from race_assets_tests.fake_betfair import faults as faults
from race_assets_tests.fake_racing_post.server import FakeRacingPost as FakeRacingPost
from race_assets_tests.fake_racing_post.world import Race as Race
from race_assets_tests.fake_racing_post.world import Run as Run
from race_assets_tests.fake_racing_post.world import Runner as Runner
from race_assets_tests.fake_racing_post.world import world as world
