"""docs/api.md against the API's own document: every path in its table, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sago.domain.keys import FOR_FIRMS, INGEST, OPERATE, SHARE
from tests.unit.api.api_house import House

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
NOT_IN_THE_DOCUMENT = {"GET /docs", "GET /openapi.json"}
ROW = re.compile(r"^\| (?P<paths>`[A-Z]+ /.*?) \| .* \| (?P<opens>.*) \|$", re.MULTILINE)
SCOPES = {*FOR_FIRMS, OPERATE, INGEST, SHARE}


def table() -> dict[str, str]:
    """What opens each path, as the page has it."""
    rows = ROW.finditer(PAGE.read_text(encoding="utf-8"))
    return {path: row["opens"] for row in rows for path in re.findall(r"`([A-Z]+ [^`]+)`", row["paths"])}


def test_the_pages_table_has_the_paths_of_the_openapi_document(house: House) -> None:
    paths = house.client.get("/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path, asked in paths.items() for method in asked}
    assert set(table()) == routes | NOT_IN_THE_DOCUMENT


def asked(path: str) -> tuple[str, str]:
    method, _, place = path.partition(" ")
    for name, value in {"company_id": "acme", "firm_id": "alder", "source": "slack", "token": "x"}.items():
        place = place.replace(f"{{{name}}}", value)
    return method, re.sub(r"\{[a-z_]+_id\}", "00000000-0000-4000-8000-000000000000", place)


@pytest.mark.parametrize("path", sorted(table()))
def test_a_path_is_opened_by_the_scope_that_the_page_names_and_by_no_other(house: House, path: str) -> None:
    method, place = asked(path)
    opens = set(re.findall(r"`([a-z]+)", table()[path]))
    statuses = {}
    with house.container.database.begin() as tx:
        tx.shares.ensure_firm("northgate", "Northgate")
    for scope in sorted(SCOPES):
        firm = "northgate" if scope in FOR_FIRMS else None
        named = f"{scope}:acme" if scope in (INGEST, SHARE) else scope
        key, _ = house.container.keyring.issue(scope, [named], firm, "test")
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        statuses[scope] = house.client.request(method, place, headers=headers).status_code
    open_to = {scope for scope, status in statuses.items() if status != 403}
    if opens == {INGEST}:  # whose company it is may be known only once the body is read
        assert set(statuses.values()) == {422} or open_to == opens, statuses
    else:
        assert open_to == (opens or SCOPES), statuses


def test_the_document_has_every_part_in_the_order_of_the_work(house: House) -> None:
    document = house.client.get("/openapi.json").json()
    used = {tag for path in document["paths"].values() for method in path.values() for tag in method["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])
