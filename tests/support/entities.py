"""Checks that hold for every entity: one test each, which names all entities that fail it."""

from collections.abc import Callable

from tap_bitrix24.entities import ENTITIES, Entity


def every_entity(check: Callable[[Entity], None]) -> Callable[[], None]:
    """Return one test that runs a check on every entity: a case for each takes longer to set up than to run."""

    def test() -> None:
        failed = {}
        for entity in ENTITIES:
            try:
                check(entity)
            except AssertionError as error:
                failed[entity.stream] = str(error)
        assert ENTITIES
        assert not failed, "\n".join(f"{stream}: {text}" for stream, text in failed.items())

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test
