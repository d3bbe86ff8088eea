"""A fake Betfair on loopback, for tests and by hand; every dog, price and id in it is invented."""

from race_assets_tests.fake_betfair import faults as faults
from race_assets_tests.fake_betfair.fixtures import Shelf as Shelf
from race_assets_tests.fake_betfair.fixtures import month as month
from race_assets_tests.fake_betfair.fixtures import oddities as oddities
from race_assets_tests.fake_betfair.server import FakeBetfair as FakeBetfair
