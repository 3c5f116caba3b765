"""The source of all data: pseudo-random numbers per row, ids that exist, ids and times of new tables."""

import random
from array import array
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from tap_bitrix24.demo.company.dictionaries import Stage
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.company.user_fields import Sources

_HISTORY: Final = 3 * 365 * DAY
_LARGE: Final = 5000
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_OPEN_SHARE: Final = 0.12
_WON_SHARE: Final = 55
_GAPS_FROM: Final = 100
_SPAN_PER_ID: Final = 200
_SPAN_PER_CLUSTER: Final = 150_000


@dataclass
class Seeds:
    """The seed, the instant before which everything happened (``anchor``), and each table's ids at the start."""

    seed: int
    anchor: int
    initial_ids: dict[str, "array[int]"] = field(default_factory=dict)

    def pick(self, table: str, number: int) -> int:
        """Return an id that the table had at the start."""
        initial = self.initial_ids[table]
        return initial[number % len(initial)]

    def mix(self, number: int, salt: int) -> int:
        """Return 48 pseudo-random bits for a row; ``salt`` gives a row several independent numbers."""
        mixed = (number * 0x9E3779B97F4A7C15 + (self.seed * 1009 + salt) * 0xD1B54A32D192ED03) & _MASK
        mixed = ((mixed ^ (mixed >> 31)) * 0xBF58476D1CE4E5B9) & _MASK
        return (mixed ^ (mixed >> 29)) >> 16

    def sources(self) -> Sources:
        """Return the ids and times from which the values of user fields are made."""
        return Sources(self.pick, self.anchor)

    def stage(self, table: str, stages: tuple[Stage, ...], number: int) -> int:
        """Return the place of a row's stage: four rows of five are closed, but only one in ten of the latest."""
        drawn = self.mix(number, 5)
        opened = sum(1 for stage in stages if stage.semantics is None)
        recent = number > self.initial_ids[table][-1] * (1 - _OPEN_SHARE)
        if drawn % 100 < (90 if recent else 20):
            return drawn // 100 % opened
        return opened if drawn // 100 % 100 < _WON_SHARE else opened + drawn // 10_000 % (len(stages) - opened)

    def dense_ids(self, name: str, count: int, *, gaps: bool = True) -> "array[int]":
        """Return ids from 1 on: about one in twenty is missing, and there are a few big gaps."""
        if not gaps:
            return array("q", range(1, count + 1))
        rng = random.Random(f"{self.seed}:{name}")
        steps = rng.choices((1, 2, 3), (95, 4, 1), k=count)
        steps[0] = 1
        for _ in range(3 if count > _GAPS_FROM else 0):
            steps[rng.randrange(1, count)] += max(20, min(count // 100, 5000))
        return array("q", accumulate(steps))

    def sparse_ids(self, name: str, count: int) -> "array[int]":
        """Return ids spread over 200 times as many numbers: clusters of all sizes and densities with wide gaps between.

        From about 10,000 ids on, clusters are a few dozen to some ten thousand numbers wide, gaps thousands to about
        a million.
        """
        rng, span = random.Random(f"{self.seed}:{name} scattered"), count * _SPAN_PER_ID
        clusters = max(span // _SPAN_PER_CLUSTER, min(count // 25, 8), 2)
        least = min(20, count // clusters)
        more = _shares(count - clusters * least, [1000 ** rng.random() ** 3 for _ in range(clusters)])
        widths = [int((least + one) / rng.uniform(0.3, 1)) for one in more]
        gaps = _shares(span - sum(widths), [400 ** rng.random() for _ in range(clusters - 1)])
        ids, first = array("q"), 1
        for rows, width, gap in zip(more, widths, [*gaps, 0], strict=True):
            ids.extend(sorted(rng.sample(range(first, first + width), least + rows)))
            first += width + gap
        return ids

    def times(self, name: str, count: int) -> tuple["array[int]", "array[int]"]:
        """Return created and modified times over three years; thousands of rows are modified in one second."""
        rng = random.Random(f"{self.seed}:{name} stamps").random
        first, step = self.anchor - _HISTORY, (_HISTORY - 2 * DAY) / max(count, 1)
        created = array("q", [int(first + place * step + rng() * DAY) for place in range(count)])
        last = self.anchor - 3600
        modified = array("q", [then + int((last - then) * rng() ** 4) for then in created])
        together = count // 5 if count < _LARGE else max(2500, count // 20)
        instant = self.anchor - 40 * DAY + 12_345
        eligible = [place for place, then in enumerate(created) if then < instant]
        for place in eligible[:: max(1, len(eligible) // max(together, 1))]:
            modified[place] = instant
        return created, modified


def _shares(total: int, weights: list[float]) -> list[int]:
    """Return whole shares of a total by weights; they add up to the total."""
    ends = [round(total * part / sum(weights)) for part in accumulate(weights)]
    return [end - before for before, end in pairwise([0, *ends])]


def moved_at(number: int, created: int, modified: int) -> int:
    """Return when a row was moved to its present stage: between creation and last change."""
    return created + (modified - created) * (number * 7919 % 1000) // 1000
