"""Another library's function in another form: there while it should be, and only where it is."""

from __future__ import annotations

import json

import pytest

from edgernn.replaced import replaced


def test_it_is_there_again_whatever_happens_within() -> None:
    before = json.dumps

    def breaks_off() -> None:
        with replaced("json", "dumps", lambda dumps: lambda x: dumps([x])):
            assert json.dumps(1) == "[1]"
            raise KeyError

    with pytest.raises(KeyError):
        breaks_off()
    assert json.dumps is before


@pytest.mark.parametrize(
    ("owner", "name"),
    [("no_such_library", "x"), ("json.nothing", "x"), ("json:Nothing", "x"), ("json", "nothing")],
)
def test_what_is_not_there_is_not_replaced(owner: str, name: str) -> None:
    with replaced(owner, name, lambda found: pytest.fail(f"{found} is there")):
        assert not hasattr(json, name)
