"""The port of who is who: identities as vendors know them, and what people decided of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from sago.domain.identities import Decision, IdentityKey, KnownIdentity, Participant, Sighting


class IdentityStore(Protocol):
    """`identities`, in which companies' streams they were seen, and the decisions in force."""

    def see(self, connection_id: UUID, company_id: str | None, seen: Sequence[Sighting]) -> None:
        """Insert or update the identities; with a company they are among its participants from here on. Sightings of
        one connection wait for each other; of a connection that is gone nothing is kept."""

    def names(self, connection_id: UUID) -> dict[str, str]:
        """How texts show the connection's identities, by native id; those without a name left out."""

    def known(self, connection_id: UUID) -> list[KnownIdentity]:
        """All of a connection, by native id, those of no company too."""

    def of(self, company_id: str) -> list[Participant]:
        """A company's participants, by connection and native id."""

    def companies(self) -> list[str]:
        """Those that have participants."""

    def decide(self, decision: Decision) -> None:
        """Keep the decision, instead of an earlier one on the same two. They must be participants."""

    def withdraw(self, decision_id: UUID) -> bool:
        """Delete the decision; False where there is none."""

    def decisions(self, company_id: str) -> list[Decision]:
        """Those in force, oldest first."""

    def forget(self, company_id: str, keys: Collection[IdentityKey]) -> int:
        """Take identities from the company's participants, with the decisions on them; how many there were. Those
        of them that are no company's are deleted."""

    def forget_strangers(self, connection_id: UUID) -> None:
        """Delete the identities of a connection that are no company's."""

    def forget_all(self, connection_id: UUID) -> None:
        """Delete every identity of a connection."""
