"""What a batch of files changes is decided from values: no inbox, no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.cleaner import Cleaner
from feeds.inboxes import InboxFile
from feeds.ingest import batch_plan, matching
from feeds.ingest.batch_plan import Incoming, Merge, ReadBatch, ReadFile, Split
from feeds.ingest.tasks import FileTask, clean_file
from feeds.model import identity
from feeds.model.articles import Draft, Original
from feeds.storage.batch_writer import Batch

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLEANER = Cleaner(SourceCatalogue(packs={}), "en")
PRIVATE = Cleaner(SourceCatalogue(packs={}), "en", private=("secret-example",))
FEED = "news.xml"


def link(number: int, host: str = "tides.example") -> str:
    return f"https://{host}/{number}"


def feed(*numbers: int, host: str = "tides.example") -> bytes:
    items = "".join(
        f"<item><title>Tide {number}</title><link>{link(number, host)}</link>"
        f"<description>High water at {number}.</description></item>"
        for number in numbers
    )
    return f"<rss><channel>{items}</channel></rss>".encode()


def original(number: int, path: str = FEED, position: int = 0, *, hours: int = -1) -> Original:
    draft = Draft(link=link(number), html=f"High water at {number}.", title=f"Tide {number}")
    moment = NOON + timedelta(hours=hours)
    return Original(
        inbox="folder",
        path=path,
        position=position,
        entry_id=identity.entry_id(draft.link),
        draft=draft,
        default_published=moment,
        first_seen=moment,
    )


def gathered(data: bytes, path: str = FEED, **batch: object) -> tuple[ReadBatch, Incoming]:
    file = InboxFile(path, path, len(data), 0)
    read = ReadBatch("folder", [file], NOON, to_clean=[ReadFile(file, "digest")])
    for name, value in batch.items():
        setattr(read, name, value)
    incoming = batch_plan.gather(read, [clean_file(CLEANER, FileTask(path, data, NOON, NOON))])
    articles = batch_plan.incoming_versions(incoming, CLEANER.audiences)
    matches = matching.match_articles(articles, (), {}, CLEANER.audiences)
    batch_plan.apply_matches(incoming, matches, read.forgotten, CLEANER.audiences)
    return read, incoming


def changes(read: ReadBatch, incoming: Incoming, *stored: Original) -> tuple[Merge, Batch]:
    before = [one for one in stored if one.path in incoming.rewritten]
    merge = batch_plan.continue_files(incoming, Split(incoming.articles), before)
    of_entries: dict[str, list[Original]] = {}
    for one in stored:
        of_entries.setdefault(one.entry_id, []).append(one)
    return merge, batch_plan.merge_entries(read, incoming, merge, of_entries, CLEANER)


def entry_id(number: int) -> str:
    return identity.entry_id(link(number))


def test_an_entry_that_a_feed_lists_no_more_stays_and_a_new_one_gets_a_free_position() -> None:
    _, batch = changes(*gathered(feed(2, 3)), original(1, position=0), original(2, position=1))
    assert {one.entry_id: one.position for one in batch.originals} == {
        entry_id(1): 0,
        entry_id(2): 1,
        entry_id(3): 2,
    }
    assert batch.orphans == []


def test_an_article_keeps_the_times_of_its_first_reading() -> None:
    first = original(1)
    _, batch = changes(*gathered(feed(1)), first)
    assert [(one.default_published, one.first_seen) for one in batch.originals] == [
        (first.default_published, first.first_seen)
    ]


def test_the_entry_of_a_deleted_file_is_an_orphan_unless_another_file_has_it() -> None:
    read = ReadBatch("folder", [], NOON, deleted=["a.md"])
    incoming = batch_plan.gather(read, [])
    _, batch = changes(read, incoming, original(1, "a.md"), original(2, "a.md"), original(2, "b.md"))
    assert batch.orphans == [entry_id(1)]
    assert [entry.article.id for entry in batch.entries] == [entry_id(2)]
    assert batch.deleted_paths == ["a.md"]


def test_a_forgotten_entry_does_not_come_back() -> None:
    _, incoming = gathered(feed(1, 2), forgotten=frozenset([entry_id(1)]))
    assert [article.original.entry_id for article in incoming.articles.values()] == [entry_id(2)]


def test_a_file_that_fails_as_before_is_unchanged() -> None:
    _, first = gathered(b"nothing")
    (failure,) = first.report.failed
    _, again = gathered(b"nothing", known={FEED: first.files[0]})
    assert failure.path == FEED
    assert (again.files, again.report.failed, again.report.same) == ([], [], 1)


def test_a_private_version_gets_an_entry_of_its_own_where_the_public_reads_one() -> None:
    public = original(1)
    _, incoming = gathered(feed(1), "secret.xml")
    (place,) = incoming.articles
    article = incoming.articles[place]
    draft = replace(article.original.draft, source_name="Secret Example")
    incoming.articles[place] = replace(article, original=replace(article.original, draft=draft))
    split = batch_plan.split_audiences(
        incoming, {public.entry_id: [public]}, PRIVATE.audiences, inbox="folder", forgotten=frozenset()
    )
    own_id = identity.private_id(public.entry_id, "secret-example")
    assert split.articles[place].original.entry_id == own_id
    assert split.articles[place].cleaned.article.id == own_id
    assert split.moved == {}


def test_each_entry_counts_for_the_first_file_that_has_it() -> None:
    incoming = Incoming()
    files = {"a.md": ["1"], "b.md": ["1"], "c.md": ["1", "2"]}
    batch_plan.count_files(incoming.report, files, {"1": "new", "2": "changed"})
    assert (incoming.report.new, incoming.report.changed, incoming.report.same) == (1, 1, 1)
