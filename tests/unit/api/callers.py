"""Keys of firms, founders and the house, in an API of the tests."""

from __future__ import annotations

from tests.unit.api.api_house import House


def bearer(house: House, *scopes: str, firm: str | None = None) -> dict[str, str]:
    """The header of a new key with these scopes; its firm is there."""
    container = house.container
    if firm is not None:
        with container.database.begin() as tx:
            tx.shares.ensure_firm(firm, firm.capitalize())
    key, _ = container.keyring.issue("a test's", scopes, firm, "tests")
    return {"Authorization": f"Bearer {key}"}
