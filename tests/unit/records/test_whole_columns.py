"""Converting a whole column gives the same as converting its values one by one, whatever the column holds."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.records.texts import ABSENT, UNPARSABLE, ConvertAll
from tap_bitrix24.records.values import CONVERT_ALL, CONVERTERS, one_by_one
from tap_bitrix24.schema.columns import ANY, UNPARSED, build_columns

COLUMNS = 300
"""Random columns of each kind."""
EMPTY: tuple[Any, ...] = (None, "", False, [], {}, ABSENT)
OTHERS: tuple[Any, ...] = (0, 1, 7, 2**63, 0.0, 1.0, 1.5, True, "a", "Y", "N", "1", "0", "null", "true", [1], {"a": 1})
Make = Callable[[random.Random], Any]


def digits(noise: random.Random) -> str:
    return str(noise.randrange(10 ** noise.randrange(1, 21)))


def number(noise: random.Random) -> str:
    return f"{noise.choice(('', '', '-'))}{digits(noise)[:12]}.{noise.randrange(100):02}"


def odd_number(noise: random.Random) -> str:
    return noise.choice(
        ("007", "-5", "+5", "-0", "5.", ".5", "5.00", "1e3", "1.2.3", ".", "1,2", "1],[2", "٣", "²", " 5")
    )


def day(noise: random.Random) -> str:
    return f"{noise.randrange(2020, 2026)}-{noise.randrange(1, 13):02}-{noise.randrange(1, 29):02}"


def moment(noise: random.Random) -> str:
    hour, minute, second = noise.randrange(24), noise.randrange(60), noise.randrange(60)
    zone = noise.choice(("+03:00", "+03:00", "-05:00", "+00:00", "+14:00"))
    return f"{day(noise)}T{hour:02}:{minute:02}:{second:02}{zone}"


def midnight(noise: random.Random) -> str:
    return f"{day(noise)}T{noise.choice(('00:00:00+03:00', '00:00:00-05:00', '03:00:00+03:00', '19:00:00-05:00'))}"


def odd_moment(noise: random.Random) -> str:
    whole = moment(noise)
    return noise.choice(
        (
            whole[:19],
            f"{whole[:19]}Z",
            f"{whole[:19]}.25{whole[19:]}",
            f"{whole[:19]}+05:45",
            whole[:-1],
            f"{whole} ",
            f"{whole[:10]} {whole[11:]}",
            f"{whole[:11]}25{whole[13:]}",
            f"{whole[:17]}60{whole[19:]}",
            f"0001-01-01{whole[10:]}",
            f"9999-12-31{whole[10:]}",
            f"2024-02-30{whole[10:]}",
            f"0000-00-00{whole[10:]}",
            f"2024-W05-2{whole[10:]}",
            f"{whole[:14]}٣٣{whole[16:]}",
            "24.08.2023 13:19:39+00:00",
            day(noise),
        )
    )


def flag(noise: random.Random) -> Any:
    return noise.choice(("Y", "N", "1", "0", "y", "n", "true", "false"))


def text(noise: random.Random) -> str:
    return noise.choice(("NEW", "C1:WON", "Сделка № 5", "a\nb", "see https://p/f?auth=abc", "/f.php?id=1&auth=abc"))


def nested(noise: random.Random) -> Any:
    return noise.choice(({"id": 1, "url": "/f?auth=a&b=2"}, [1, "2"], [{"VALUE": "+7"}], {"value": "5", "valueId": 1}))


ORDINARY: tuple[Make, ...] = (digits, number, day, moment, midnight, flag, text, nested)
ODD: tuple[Make, ...] = (
    *ORDINARY,
    odd_number,
    odd_moment,
    lambda noise: noise.choice(EMPTY),
    lambda noise: noise.choice(OTHERS),
)


def column(noise: random.Random) -> list[Any]:
    """Return values mostly of one sort, some of them empty, now and then one of another sort."""
    usual = noise.choice((*ORDINARY, odd_number, odd_moment))
    share_empty, share_odd = noise.choice((0, 0, 0.3, 1)), noise.choice((0, 0, 0, 0.02, 0.5))
    empty = noise.sample(EMPTY, noise.randrange(1, len(EMPTY)))
    values = []
    for _ in range(noise.choice((1, 2, 50))):
        make = noise.choice(ODD) if noise.random() < share_odd else usual
        values.append(noise.choice(empty) if noise.random() < share_empty else make(noise))
    return values


def outcome(convert: ConvertAll, values: Sequence[Any]) -> str:
    """Return the converted column as text, types included; or `unparsable` if any value does not fit."""
    try:
        return repr(convert(values))
    except UNPARSABLE:
        return "unparsable"


@pytest.mark.parametrize("kind", CONVERT_ALL)
def test_a_column_is_converted_as_its_values_are_one_by_one(kind: str) -> None:
    noise = random.Random(kind)
    seen = set()
    for _ in range(COLUMNS):
        values = column(noise)
        expected = outcome(one_by_one(CONVERTERS[kind]), values)
        assert outcome(CONVERT_ALL[kind], noise.choice((values, tuple(values)))) == expected, values
        seen.add(expected == "unparsable")
    assert False in seen
    assert True in seen or kind == ANY


FIELDS = [
    Field(f"{type_}_{several}".upper(), type_, multiple=several)
    for type_ in (
        "integer",
        "double",
        "money",
        "boolean",
        "string",
        "url",
        "link",
        "date",
        "datetime",
        "address",
        "file",
        "array",
        "crm_multifield",
        "productproperty:N",
        "listproperty:L",
    )
    for several in (False, True)
]


def page(noise: random.Random) -> list[Row]:
    """Return rows as lists give them: with the same keys, in the same order or not, or with keys missing."""
    keys = noise.sample([*(field.name for field in FIELDS), "UF_NEW", "UF_OTHER"], noise.randrange(1, 12))
    columns = {key: column(noise) for key in keys}
    sort = noise.choice(("same", "shuffled", "gaps"))
    rows = []
    for place in range(noise.choice((1, 2, 20))):
        many = noise.randint(1, len(keys)) if sort == "gaps" else len(keys)
        chosen = keys if sort == "same" else noise.sample(keys, many)
        values = {key: columns[key][place % len(columns[key])] for key in chosen}
        rows.append({key: None if value is ABSENT else value for key, value in values.items()})
    return rows


def test_a_page_is_converted_as_its_rows_are_alone() -> None:
    noise = random.Random(1)
    columns = build_columns(FIELDS, types={})
    for _ in range(COLUMNS):
        kept = noise.sample([*(each.name for each in columns), UNPARSED], noise.randint(1, len(columns)))
        together, alone = (RowConverter(columns, keep=kept.__contains__) for _ in range(2))
        rows = page(noise)
        before = repr(rows)
        records = [record for row in rows for record in alone([row])]
        assert repr([list(record.items()) for record in together(rows)]) == repr([list(r.items()) for r in records]), (
            rows
        )
        assert (together.unparsed, together.unknown) == (alone.unparsed, alone.unknown)
        assert repr(rows) == before, "rows are left as they came"
