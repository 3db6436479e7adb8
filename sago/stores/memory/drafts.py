"""Drafts kept in a dictionary."""

from __future__ import annotations

from sago.domain.letters import Letter


class MemoryDrafts:
    """The port `Drafts` without a disk."""

    def __init__(self) -> None:
        self.letters: dict[str, Letter] = {}

    def place(self, letter: Letter) -> str:
        """Its window's."""
        return f"memory:{letter.watch_id}:{letter.window}"

    def files(self, letter: Letter) -> list[str]:
        return [place for place in [self.place(letter)] if place in self.letters]

    def forget(self, letter: Letter) -> None:
        self.letters.pop(self.place(letter), None)

    def put(self, letter: Letter) -> str:
        """Keep the letter in its window's place, or take it away when it is no longer live."""
        place = self.place(letter)
        if letter.state.is_live:
            self.letters[place] = letter
        else:
            self.letters.pop(place, None)
        return place
