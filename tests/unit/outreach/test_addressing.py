"""Names and addresses that may stand in a mail's header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.companies import Company, Person
from sago.domain.watches import Direction
from sago.errors import UsageError
from sago.outreach.addressing import is_address, person, unaddressed
from tests.unit.outreach.stories import COMPANY, watch


@pytest.mark.parametrize(
    ("written", "name", "email"),
    [
        ("Dana Reed <dana@northgate.example>", "Dana Reed", "dana@northgate.example"),
        ('"Reed, Dana" <dana@northgate.example>', "Reed, Dana", "dana@northgate.example"),
        ("  Dana   Reed ", "Dana Reed", None),
        ("李 雷 <lei@fund.example>", "李 雷", "lei@fund.example"),
    ],
)
def test_reads_a_name_with_its_address(written: str, name: str, email: str | None) -> None:
    assert person(written, "--investor") == Person(name=name, email=email)


@pytest.mark.parametrize(
    "written",
    [
        "Dana\r\nBcc: all@world.example <dana@northgate.example>",
        "Dana\u2028Reed <dana@northgate.example>",
        "Dana\u202edeeR <dana@northgate.example>",
        "Dana <x> Reed <dana@northgate.example>",
        "Dana Reed <dana@northgate.example> <other@x.example>",
        "Dana Reed <dana@northgate.example\nBcc: x@y.example>",
        "Dana Reed <dana northgate.example>",
        "Dana Reed <dana@northgate>",
        "Dana Reed <a@b.example,c@d.example>",
        "Dana Reed <>",
        "dana@northgate.example",
        "<dana@northgate.example>",
        "",
        "D" * 101,
    ],
)
def test_what_could_not_stand_in_a_header_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match=r"--investor"):
        person(written, "--investor")


@given(st.text(max_size=60))
def test_a_name_that_is_taken_is_one_line_without_brackets(text: str) -> None:
    try:
        name = person(text, "--investor").name
    except UsageError:
        return
    assert len(name.splitlines()) == 1
    assert not set(name) & set("<>\r\n\0")


@pytest.mark.parametrize("address", ["a@b.example", "first.last+tag@sub.fund.example", "dána@bücher.example"])
def test_an_address_of_any_server(address: str) -> None:
    assert is_address(address)
    assert not is_address(f"{address}\n")
    assert not is_address(address.replace("@", "@@"))
    assert not is_address(address.replace("@", ".@"))
    assert not is_address(address.replace("@", "..x@"))
    assert not is_address(address.replace(".example", "-.example"))


def test_a_letter_to_an_investor_needs_their_address_and_one_to_a_founder_may_wait_for_it() -> None:
    nobody = watch("arr >= 2M", direction=Direction.TO_INVESTOR).model_copy(update={"investor": Person(name="Ivo")})
    with pytest.raises(UsageError, match="goes to Ivo, without an address"):
        unaddressed(nobody, COMPANY)
    assert unaddressed(watch("arr >= 2M"), COMPANY) == []
    unknown = Company(company_id="orchard", name="Orchard")
    (lacking,) = unaddressed(watch("arr >= 2M"), unknown)
    assert lacking.startswith("no address of Orchard's founder is known")
