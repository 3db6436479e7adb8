"""`sago company`: names and founders, as letters need them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from sago.domain.companies import Company
from tests.unit.cli.test_people import House, house, sago  # noqa: F401 - fixtures


def _company(of: House) -> Company:
    with of.database.begin() as tx:
        found = tx.companies.get("orchard")
    assert found is not None
    return found


def test_a_founder_with_an_address_is_kept_and_what_is_not_given_stays(
    house: House,  # noqa: F811
    sago: Callable[..., Result],  # noqa: F811
) -> None:
    before = _company(house)
    result = sago("company", "set", "orchard", "--founder", "Ada Byrne <ada@orchard.example>", "--json")
    assert json.loads(result.stdout)["founder_email"] == "ada@orchard.example"
    after = _company(house)
    assert after == before.model_copy(update={"founder": "Ada Byrne", "founder_email": "ada@orchard.example"})
    assert "Ada Byrne <ada@orchard.example>" in sago("company", "list").stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing to set"),
        (("--founder", "ada@orchard.example"), "write it as 'Alex Reyes <alex@scaleflow.example>'"),
        (("--name", "Orchard <a@orchard.example> Ltd"), "write it as ScaleFlow"),
        (("--title", "<"), "write it as CEO"),
        (("--founder", "Ada <ada@orchard>"), "is no mail address"),
        (("--name", "Orchard\r\nBcc: eve@evil.example"), "invisible character U+000D"),
    ],
)
def test_what_cannot_stand_in_a_letters_head_is_refused(
    house: House,  # noqa: F811
    sago: Callable[..., Result],  # noqa: F811
    options: tuple[str, ...],
    said: str,
) -> None:
    before = _company(house)
    result = sago("company", "set", "orchard", *options)
    assert said in str(result.exception)
    assert _company(house) == before


def test_an_unknown_company_names_those_that_are_known(sago: Callable[..., Result]) -> None:  # noqa: F811
    assert "known are: orchard" in str(sago("company", "set", "orchid", "--name", "Orchid").exception)
