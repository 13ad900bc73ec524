"""Which sources were renamed or merged: privacy follows them, so that is known before anything is shown."""

from __future__ import annotations

import threading

from feeds.cleaning.catalogue import Catalogue
from feeds.model.articles import Move
from feeds.storage.store import State, Store


class Moves:
    """The moves that a store knows of, told to a catalogue. Safe to share between threads."""

    def __init__(self, catalogue: Catalogue, store: Store) -> None:
        self._catalogue = catalogue
        self._store = store
        self._of: State | None = None
        self._learning = threading.Lock()

    def now(self) -> tuple[Move, ...]:
        """Learn what was moved up to this moment. Raises StoreError where the database does not answer."""
        with self._learning:  # what was read later is told later
            return self._learn()

    def of(self, state: State) -> None:
        """Know at least what was moved up to a state: the database is asked once for each. A move is another
        state. Raises StoreError where the database does not answer.
        """
        if self._of != state:
            with self._learning:
                if self._of != state:
                    self._learn()
                    self._of = state

    def _learn(self) -> tuple[Move, ...]:
        found = tuple(self._store.moves())
        self._catalogue.move(found)
        return found
