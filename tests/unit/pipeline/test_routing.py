"""Whose a message is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sago.domain.connections import LEFT_ALONE, Route
from sago.pipeline.routing import company_of, domain_of
from tests.unit.pipeline.scripted_source import connection_of, item

CONNECTION = connection_of(company_id="house")
NOBODYS = connection_of(company_id=None)


def container(key: str, company_id: str) -> Route:
    return Route(connection_id=CONNECTION.id, kind="container", key=key, company_id=company_id)


def domain(key: str, company_id: str) -> Route:
    return Route(connection_id=CONNECTION.id, kind="domain", key=key, company_id=company_id)


ROUTES = [
    container("C1", "acme"),
    container("C2", "bravo"),
    domain("acme.example", "acme"),
    domain("b.example", "bravo"),
]


def test_the_channel_says_it_before_the_people_do() -> None:
    assert company_of(item("C2", ["ana@acme.example"]), CONNECTION, ROUTES) == "bravo"


def test_the_people_say_it_where_the_channel_does_not() -> None:
    for addresses in (["ana@acme.example"], ["x@elsewhere.example", "Ana@ACME.Example."], ["a@b@acme.example "]):
        assert company_of(item("C9", addresses), CONNECTION, ROUTES) == "acme", addresses
    assert company_of(item(None, ["ana@acme.example"]), NOBODYS, ROUTES) == "acme"


def test_people_of_two_companies_are_nobodys_even_where_the_connection_has_a_company() -> None:
    assert company_of(item("C9", ["a@acme.example", "b@b.example"]), CONNECTION, ROUTES) is None


def test_what_is_near_a_domain_is_not_it() -> None:
    for address in ("acme.example", "ana@notacme.example", "ana@mail.acme.example", "acme.example@x.example", "@", ""):
        assert company_of(item("C9", [address]), NOBODYS, ROUTES) is None, address


def test_else_the_connections_company_has_it_or_nobody() -> None:
    assert company_of(item("C9"), CONNECTION, ROUTES) == "house"
    assert company_of(item("C9"), NOBODYS, ROUTES) is None
    assert company_of(item(None), NOBODYS, [container("None", "acme"), container("", "acme")]) is None


def test_a_route_in_capitals_is_the_same_domain() -> None:
    assert company_of(item("C9", ["a@acme.example"]), NOBODYS, [domain("ACME.example", "acme")]) == "acme"


DOMAINS = st.sampled_from(["acme.example", "b.example", "x.example", "ACME.EXAMPLE", ""])
ADDRESSES = st.lists(
    st.builds(lambda name, at: f"{name}@{at}" if at else name, st.text(max_size=5), DOMAINS), max_size=5
)


def test_what_is_left_alone_is_nobody_elses() -> None:
    routes = [container("C1", LEFT_ALONE), domain("gone.example", LEFT_ALONE), *ROUTES[1:]]
    assert company_of(item("C1", ["ana@acme.example"]), CONNECTION, routes) == LEFT_ALONE
    assert company_of(item("C9", ["x@gone.example", "ana@acme.example"]), CONNECTION, routes) == LEFT_ALONE
    rest = [*routes, container("*", LEFT_ALONE)]
    assert company_of(item("C9"), NOBODYS, rest) == LEFT_ALONE
    assert company_of(item("C9"), CONNECTION, rest) == "house", "a person has said so since"


@given(st.sampled_from([None, "C1", "C2", "C9", ""]), ADDRESSES, st.permutations(ROUTES), st.randoms())
def test_no_order_of_people_or_routes_changes_it(channel, addresses, routes, random) -> None:  # type: ignore[no-untyped-def]
    found = company_of(item(channel, addresses), NOBODYS, ROUTES)
    shuffled = random.sample(addresses, len(addresses))
    assert company_of(item(channel, [*shuffled, *shuffled]), NOBODYS, routes) == found
    said = {"acme.example": "acme", "b.example": "bravo"}
    named = {said[each] for each in map(domain_of, addresses) if each in said}
    by_channel = {"C1": "acme", "C2": "bravo"}.get(channel)
    assert found == (by_channel or (named.pop() if len(named) == 1 else None))
