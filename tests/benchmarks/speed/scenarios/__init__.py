"""All scenarios, in the order of the document."""

from typing import Final

from tests.benchmarks.speed.model import Scenario
from tests.benchmarks.speed.scenarios.borrowed import LOADER, TAP_ALONE
from tests.benchmarks.speed.scenarios.growth import GROWTH
from tests.benchmarks.speed.scenarios.incremental import CHANGED, QUIET
from tests.benchmarks.speed.scenarios.latency import LATENCY
from tests.benchmarks.speed.scenarios.limiter import LIMITER
from tests.benchmarks.speed.scenarios.million import MILLION
from tests.benchmarks.speed.scenarios.operating import OPERATING
from tests.benchmarks.speed.scenarios.sparse import SPARSE

SCENARIOS: Final[tuple[Scenario, ...]] = (
    LATENCY,
    LIMITER,
    OPERATING,
    QUIET,
    CHANGED,
    MILLION,
    TAP_ALONE,
    LOADER,
    SPARSE,
    GROWTH,
)
BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}
