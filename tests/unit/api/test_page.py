"""docs/api.md against the API's own document: every path in its table, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sago.api.intake import Receipt
from sago.api.problems import Problem
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


def operations(house: House) -> dict[str, dict[str, Any]]:
    document = house.client.get("/openapi.json").json()
    return {
        f"{method.upper()} {path}": told
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    }


def test_an_operation_says_which_scope_opens_it_as_the_page_does(house: House) -> None:
    for path, operation in operations(house).items():
        wanted = set(re.findall(r"`([a-z]+)", table()[path]))
        said = operation["description"].rpartition("\n\n")[2]
        named = {scope.partition(":")[0] for each in operation.get("security", []) for scope in each["HTTPBearer"]}
        assert named == wanted, path
        assert set(re.findall(r"`([a-z]+)", said)) == wanted or "security" not in operation, path
        if wanted:
            assert f"`{next(iter(operation['security']))['HTTPBearer'][0]}`" in said


def test_each_operation_has_a_name_of_its_own_that_is_its_summary(house: House) -> None:
    names = [operation["operationId"] for operation in operations(house).values()]
    assert len(set(names)) == len(names)
    for operation in operations(house).values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"])
        assert operation["summary"].lower() == operation["operationId"].replace("_", " ")


def test_each_error_of_the_document_shows_an_example_of_its_own_status(house: House) -> None:
    shown: dict[str, set[str]] = {}
    for path, operation in operations(house).items():
        for status, answer in operation["responses"].items():
            said = answer.get("content", {}).get("application/json", {})
            if said.get("schema", {}).get("$ref", "").endswith("/Problem") and "security" in operation:
                problem = Problem.model_validate(said["example"])
                assert bool(problem.errors) == (status == "422"), (path, status)
                shown.setdefault(problem.detail, set()).add(status)
    assert all(len(statuses) == 1 for statuses in shown.values()), shown
    partly = operations(house)["POST /api/v1/data-flow/ingest"]["responses"]["207"]["content"]["application/json"]
    assert Receipt.model_validate(partly["example"]).errors


def test_parts_of_paths_and_bodies_have_examples(house: House) -> None:
    for path, operation in operations(house).items():
        for parameter in operation.get("parameters", []):
            assert parameter["in"] != "path" or (parameter["example"] and parameter["description"]), path
        for body in operation.get("requestBody", {}).get("content", {}).values():
            assert body.get("examples") or body.get("schema", {}).get("examples"), path
    posted = operations(house)["POST /api/v1/tasks"]["parameters"]
    assert [each["name"] for each in posted] == ["Idempotency-Key"]
