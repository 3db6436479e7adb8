"""One suite for the CompanyStore port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from sago.domain.outreach import Company, Direction, ModelPolicy
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
