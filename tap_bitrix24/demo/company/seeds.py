"""What rows are made from: well mixed numbers per row, ids that exist, ids and stamps of new tables."""

import random
from array import array
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from tap_bitrix24.demo.company.dictionaries import Stage
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.company.user_fields import Sources

_SPAN: Final = 3 * 365 * DAY
_LARGE: Final = 5000
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_OPEN_SHARE: Final = 0.12
_WON_SHARE: Final = 55
_HOLES_FROM: Final = 100
_ROOM: Final = 200
_ROOM_OF_A_CLUSTER: Final = 150_000


@dataclass
class Seeds:
    """The seed, the instant before which everything happened, and the ids every table had at the start."""

    seed: int
    anchor: int
    born: dict[str, "array[int]"] = field(default_factory=dict)

    def pick(self, table: str, number: int) -> int:
        """Answer an id that the table had at the start."""
        born = self.born[table]
        return born[number % len(born)]

    def mix(self, number: int, salt: int) -> int:
        """Answer 48 well mixed bits for a row; the same for the same seed."""
        mixed = (number * 0x9E3779B97F4A7C15 + (self.seed * 1009 + salt) * 0xD1B54A32D192ED03) & _MASK
        mixed = ((mixed ^ (mixed >> 31)) * 0xBF58476D1CE4E5B9) & _MASK
        return (mixed ^ (mixed >> 29)) >> 16

    def sources(self) -> Sources:
        """Answer what user field values refer to."""
        return Sources(self.pick, self.anchor)

    def stage(self, table: str, stages: tuple[Stage, ...], number: int) -> int:
        """Answer the place of a row's stage: four of five are closed, but hardly any of the newest."""
        drawn = self.mix(number, 5)
        opened = sum(1 for stage in stages if stage.semantics is None)
        recent = number > self.born[table][-1] * (1 - _OPEN_SHARE)
        if drawn % 100 < (90 if recent else 20):
            return drawn // 100 % opened
        return opened if drawn // 100 % 100 < _WON_SHARE else opened + drawn // 10_000 % (len(stages) - opened)

    def born_ids(self, name: str, count: int, *, gaps: bool = True) -> "array[int]":
        """Lay out ids from 1 on: about one in twenty is missing, and there are a few big holes."""
        if not gaps:
            return array("q", range(1, count + 1))
        dice = random.Random(f"{self.seed}:{name}")
        steps = dice.choices((1, 2, 3), (95, 4, 1), k=count)
        steps[0] = 1
        for _ in range(3 if count > _HOLES_FROM else 0):
            steps[dice.randrange(1, count)] += max(20, min(count // 100, 5000))
        return array("q", accumulate(steps))

    def scattered_ids(self, name: str, count: int) -> "array[int]":
        """Lay out ids over two hundred times as many numbers: in clusters of all sizes and densities, deserts between.

        At scales from some ten thousand on, clusters are a few dozen to some ten thousand numbers wide and deserts
        thousands to about a million.
        """
        dice, room = random.Random(f"{self.seed}:{name} scattered"), count * _ROOM
        clusters = max(room // _ROOM_OF_A_CLUSTER, min(count // 25, 8), 2)
        least = min(20, count // clusters)
        more = _shares(count - clusters * least, [1000 ** dice.random() ** 3 for _ in range(clusters)])
        widths = [int((least + one) / dice.uniform(0.3, 1)) for one in more]
        deserts = _shares(room - sum(widths), [400 ** dice.random() for _ in range(clusters - 1)])
        ids, first = array("q"), 1
        for rows, width, desert in zip(more, widths, [*deserts, 0], strict=True):
            ids.extend(sorted(dice.sample(range(first, first + width), least + rows)))
            first += width + desert
        return ids

    def stamps(self, name: str, count: int) -> tuple["array[int]", "array[int]"]:
        """Lay out created and modified stamps over three years; thousands of rows are modified in one second."""
        dice = random.Random(f"{self.seed}:{name} stamps").random
        first, step = self.anchor - _SPAN, (_SPAN - 2 * DAY) / max(count, 1)
        created = array("q", [int(first + place * step + dice() * DAY) for place in range(count)])
        last = self.anchor - 3600
        modified = array("q", [then + int((last - then) * dice() ** 4) for then in created])
        together = count // 5 if count < _LARGE else max(2500, count // 20)
        instant = self.anchor - 40 * DAY + 12_345
        eligible = [place for place, then in enumerate(created) if then < instant]
        for place in eligible[:: max(1, len(eligible) // max(together, 1))]:
            modified[place] = instant
        return created, modified


def _shares(total: int, weights: list[float]) -> list[int]:
    """Share out a total by weights; nothing of it is lost to rounding."""
    ends = [round(total * part / sum(weights)) for part in accumulate(weights)]
    return [end - before for before, end in pairwise([0, *ends])]


def moved_at(number: int, created: int, modified: int) -> int:
    """Answer when a row came to its present stage: some time between creation and last change."""
    return created + (modified - created) * (number * 7919 % 1000) // 1000
