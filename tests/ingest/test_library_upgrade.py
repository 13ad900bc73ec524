"""A library that cleaning goes through is upgraded: what is stored is cleaned again, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from feeds.cleaning import library_versions
from feeds.model.articles import Article
from feeds.storage import schema
from tests.support.places import Place, article

# Libraries that feeds.cleaner loads and that do not decide what becomes of an article.
CONFIGURING = {
    "annotated-types", "pydantic", "pydantic_core", "typing-inspection", "typing_extensions",
}  # fmt: skip


class Upgradable:
    """A place with one stored article, and libraries that can be upgraded."""

    def __init__(self, place: Place, libraries: Path) -> None:
        self.place, self.libraries = place, libraries
        place.environment["PYTHONPATH"] = f"{libraries}:{place.environment['PYTHONPATH']}"
        place.drop("1.md", article(1))
        place.feeds("ingest")
        self.clean = self.article()

    def upgrade(self, name: str, version: str) -> None:
        """Put a library's metadata before the installed ones, as pip would write it."""
        info = self.libraries / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(text, encoding="utf-8")

    def spoil(self) -> None:
        """Make the stored article look as another version of a library might have made it."""
        spoilt = sa.update(schema.entries).values(html="<p>Otherwise</p>", digest="otherwise")
        with self.place.store().database.writing() as connection:
            connection.execute(spoilt)

    def article(self) -> Article:
        store = self.place.store()
        (article,) = store.articles(store.entry_ids()).values()
        return article

    def ingest(self) -> str:
        done = self.place.feeds("ingest")
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def upgradable(place: Place, tmp_path: Path) -> Upgradable:
    return Upgradable(place, tmp_path / "libraries")


def test_an_upgraded_library_of_cleaning_cleans_again_once(upgradable: Upgradable) -> None:
    upgradable.spoil()
    assert "cleaned again" not in upgradable.ingest()
    upgradable.upgrade("turbohtml", "1.999")
    assert "cleaned again 1" in upgradable.ingest()
    assert upgradable.article() == upgradable.clean  # with its id and dates
    upgradable.spoil()
    assert "cleaned again" not in upgradable.ingest()


def test_an_upgraded_library_of_reading_leaves_drafts_as_they_were_read(upgradable: Upgradable) -> None:
    upgradable.spoil()
    upgradable.upgrade("feedparser", "6.999")
    assert "cleaned again" not in upgradable.ingest()


def test_every_library_that_the_cleaner_loads_is_known(place: Place, tmp_path: Path) -> None:
    script = tmp_path / "loaded.py"
    script.write_text(
        "import json, sys\n"
        "from importlib.metadata import packages_distributions\n"
        "before = set(sys.modules)\n"
        "import feeds.cleaning.cleaner, feeds.cleaning.tracking_lists\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before} - {'feeds'}\n"
        "known = packages_distributions()\n"
        "print(json.dumps([name for module in loaded for name in known.get(module, ())]))\n",
        encoding="utf-8",
    )
    loaded = set(json.loads(place.python(script).stdout))
    assert loaded - CONFIGURING == set(library_versions.CLEANING)
