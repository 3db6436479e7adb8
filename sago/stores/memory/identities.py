"""Who is who, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sago.domain.identities import Decision, IdentityKey, KnownIdentity, Participant, Sighting, merged
from sago.stores.memory.state import State


class MemoryIdentities:
    """The `IdentityStore` over a working copy."""

    def __init__(self, state: State) -> None:
        self._state = state

    def see(self, connection_id: UUID, company_id: str | None, seen: Sequence[Sighting]) -> None:
        if connection_id not in self._state.connections:
            return
        known = self._known(connection_id)
        shown = [each.shown_as for each in known if each.shown_as]
        changed = merged(connection_id, known, seen, shown)
        self._state.identities |= {each.key: each for each in changed}
        for each in seen if company_id else ():
            place = (company_id or "", IdentityKey(connection_id, each.native_id))
            since = self._state.participants.get(place, each.at)
            self._state.participants[place] = min(since, each.at)

    def names(self, connection_id: UUID) -> dict[str, str]:
        return {each.native_id: each.shown_as for each in self._known(connection_id) if each.shown_as}

    def known(self, connection_id: UUID) -> list[KnownIdentity]:
        return sorted(self._known(connection_id), key=lambda each: each.native_id)

    def of(self, company_id: str) -> list[Participant]:
        found = []
        for (company, key), since in sorted(self._state.participants.items(), key=lambda row: row[0]):
            if company == company_id:
                identity, source = self._state.identities[key], self._state.connections[key.connection_id].source
                found.append(Participant(**identity.model_dump(), source=source, since=since))
        return found

    def companies(self) -> list[str]:
        return sorted({company for company, _ in self._state.participants})

    def decide(self, decision: Decision) -> None:
        self._state.person_decisions[decision.id] = decision

    def withdraw(self, decision_id: UUID) -> bool:
        return self._state.person_decisions.pop(decision_id, None) is not None

    def decisions(self, company_id: str) -> list[Decision]:
        mine = [each for each in self._state.person_decisions.values() if each.company_id == company_id]
        return sorted(mine, key=lambda each: (each.at, each.id))

    def forget(self, company_id: str, keys: Collection[IdentityKey]) -> int:
        state = self._state
        gone = [key for key in keys if state.participants.pop((company_id, key), None)]
        for decision in self.decisions(company_id):
            if {decision.one, decision.other} & set(gone):
                del state.person_decisions[decision.id]
        self._delete(keys)
        return len(gone)

    def forget_strangers(self, connection_id: UUID) -> None:
        self._delete([each.key for each in self._known(connection_id)])

    def _delete(self, keys: Collection[IdentityKey]) -> None:
        for key in set(keys) - {key for _, key in self._state.participants}:
            self._state.identities.pop(key, None)

    def forget_all(self, connection_id: UUID) -> None:
        state = self._state
        state.identities = {key: each for key, each in state.identities.items() if key.connection_id != connection_id}
        state.participants = {
            place: since for place, since in state.participants.items() if place[1].connection_id != connection_id
        }
        state.person_decisions = {
            key: each
            for key, each in state.person_decisions.items()
            if connection_id not in (each.one.connection_id, each.other.connection_id)
        }

    def _known(self, connection_id: UUID) -> list[KnownIdentity]:
        return [each for key, each in self._state.identities.items() if key.connection_id == connection_id]
