"""One suite for the CompanyStore port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from sago.domain.companies import Company, ModelPolicy
from sago.domain.watches import Direction
from sago.errors import PermanentError
from sago.ports import Database
from sago.stores.postgres import PostgresDatabase

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_an_unknown_company_is_made_with_a_name_and_one_watch(database: Database) -> None:
    with database.begin() as tx:
        assert tx.companies.get("scale-flow_2") is None
        made = tx.companies.ensure("scale-flow_2", NOW)
        assert made == Company(company_id="scale-flow_2", name="Scale Flow 2")
        assert made.model_policy is ModelPolicy.OFFLINE
    with database.begin() as tx:
        assert tx.companies.ensure("scale-flow_2", NOW + timedelta(days=1)) == made
        (watch,) = tx.outreach.watches("scale-flow_2")
        assert (watch.conditions, watch.direction, watch.created_at) == ((), Direction.TO_INVESTOR, NOW)


def test_a_removed_watch_stays_removed(database: Database) -> None:
    with database.begin() as tx:
        tx.companies.ensure("acme", NOW)
        tx.outreach.remove_watch(tx.outreach.watches("acme")[0].id)
        tx.companies.ensure("acme", NOW)
        assert tx.outreach.watches("acme") == []


def test_companies_made_at_once_are_one(database: Database) -> None:
    gate = Barrier(4)

    def ensure(_: int) -> Company:
        gate.wait()
        with database.begin() as tx:
            return tx.companies.ensure("acme", NOW)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ensure, range(4))) == {Company(company_id="acme", name="Acme")}
    with database.begin() as tx:
        assert len(tx.outreach.watches("acme")) == 1


def test_many_companies_are_made_at_once_and_the_known_stay_as_they_are(database: Database) -> None:
    with database.begin() as tx:
        tx.companies.ensure("acme", NOW)
        tx.companies.save(Company(company_id="acme", name="ACME Robotics"))
        tx.companies.ensure_all([], NOW)
    for _ in range(2):
        with database.begin() as tx:
            tx.companies.ensure_all([f"company-{n}" for n in range(1200)] + ["acme"], NOW)
    with database.begin() as tx:
        assert len(tx.companies.all()) == 1201
        assert tx.companies.ensure("acme", NOW).name == "ACME Robotics"
        assert tx.companies.ensure("company-7", NOW).name == "Company 7"
        assert len(tx.outreach.watches()) == 1201


def test_companies_made_at_once_in_any_order_never_deadlock(database: Database) -> None:
    names = [f"company-{n:03}" for n in range(300)]
    gate = Barrier(4)

    def ensure(turn: int) -> None:
        gate.wait()
        with database.begin() as tx:
            tx.companies.ensure_all(names[:: 1 if turn % 2 else -1], NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ensure, range(4)))
    with database.begin() as tx:
        assert [company.company_id for company in tx.companies.all()] == names
        assert len(tx.outreach.watches()) == 300


def test_saved_changes_are_kept_and_all_are_listed_by_id(database: Database) -> None:
    told = Company(
        company_id="acme",
        name="ACME Robotics",
        founder="Mira Sol",
        founder_email="mira@acme.example",
        model_policy=ModelPolicy.VENDOR,
    )
    with database.begin() as tx:
        for company_id in ("zeta", "acme", "ac-me", "ac_me"):
            tx.companies.ensure(company_id, NOW)
        tx.companies.save(told)
    with database.begin() as tx:
        assert tx.companies.get("acme") == tx.companies.ensure("acme", NOW) == told
        assert [company.company_id for company in tx.companies.all()] == ["ac-me", "ac_me", "acme", "zeta"]


def test_a_company_nobody_knows_cannot_be_saved(database: Database) -> None:
    with pytest.raises(PermanentError, match="acme"), database.begin() as tx:
        tx.companies.save(Company(company_id="acme", name="Acme"))


def test_the_default_share_lets_the_house_see_everything(postgres: PostgresDatabase) -> None:
    with postgres.begin() as tx:
        tx.companies.ensure("acme", NOW)
        tx.companies.ensure("acme", NOW)
    with postgres.connections.begin() as connection:
        rows = connection.execute(text("SELECT firm_id, company_id, sources, granularity, until FROM shares")).all()
    assert [tuple(row) for row in rows] == [("default", "acme", ["*"], "exact", None)]
