"""A bucket as inbox: what is dropped into it is published, and nothing of it is downloaded twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from feeds.config.inboxes import InboxPlace
from feeds.inboxes import Inbox, InboxFile, StillChangingError, open_inbox
from feeds.ingest.factory import ingest_of
from feeds.model.errors import ReadError
from feeds.parsers import MAX_FILE_BYTES
from tests.support.places import Place, article, eventually, parsed, titles
from tests.support.s3_server import S3Server, s3_server
from tests.support.stored_articles import newest_articles


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.bucket()


def options(s3: S3Server) -> dict[str, str]:
    return {"endpoint_url": s3.endpoint, "key": "AKIAHARBOUR", "secret": "very-secret"}


def entry(s3: S3Server, address: str) -> str:
    """An entry of `inbox:`, as YAML takes it."""
    return json.dumps({"at": address, "name": "bucket", "options": options(s3)})


def opened(s3: S3Server, address: str, **more: str) -> Inbox:
    place = InboxPlace(name="bucket", at=address, options={**options(s3), **more})
    return open_inbox(place, Path("/nowhere"))


def list_files(inbox: Inbox) -> dict[str, InboxFile]:
    due, _ = inbox.select_settled(inbox.scan({}).to_read, 0)
    return {file.path: file for file in due}


def undated(number: int) -> str:
    return article(number).replace("date: 2026", "dated: 2026")


# -- as its user sees it ---------------------------------------------------------------------------------


def test_what_is_dropped_into_a_bucket_is_in_the_feed_and_follows_its_changes(
    place: Place, s3: S3Server, bucket: str
) -> None:
    place.environment |= s3.environment
    place.configure(inbox=f"s3://{bucket}/drop", deleted="remove")
    s3.put(
        bucket,
        "drop/1.md",
        article(1, body='<p>Over it.<img src="https://t.example/p.gif" width="1" height="1">'),
    )
    s3.put(bucket, "drop/below/2.md", article(2))
    process = place.serving()

    def shows(*expected: str) -> Callable[[], bool]:
        return lambda: sorted(titles(place.read())) == sorted(expected)

    eventually(shows("Ferry 1 is back", "Ferry 2 is back"))
    assert "p.gif" not in place.get("/feeds/all.atom").text
    s3.put(bucket, "drop/1.md", article(1, title="Ferry 1 sank"))
    eventually(shows("Ferry 1 sank", "Ferry 2 is back"))
    s3.remove(bucket, "drop/below/2.md")
    eventually(shows("Ferry 1 sank"))
    assert process.end() == 0
    assert f"watching s3://{bucket}/drop" in process.said
    assert "very-secret" not in process.said


def test_a_bucket_that_is_not_there_is_named_and_the_other_inboxes_are_read(
    place: Place, s3: S3Server, bucket: str
) -> None:
    s3.put(bucket, "1.md", article(1))
    place.drop("2.md", article(2))
    entries = ["inbox", f"s3://{bucket}", "s3://no-such-bucket/x"]
    place.configure(inbox=json.dumps(entries))
    done = place.feeds("ingest", env=s3.environment)
    assert done.stderr == "the inbox s3://no-such-bucket/x cannot be read: there is no such bucket\n"
    assert done.stdout == "new 2, changed 0, same 0, failed 0\n"
    assert done.returncode == 1
    assert "there is no such bucket" in place.feeds("status").stdout
    checked = place.feeds("check", env=s3.environment).stdout
    assert f"inbox: s3://{bucket} (s3fs 20" in checked


def test_no_secret_of_an_inbox_is_shown(place: Place, s3: S3Server) -> None:
    place.configure(inbox=entry(s3, "s3://very-secret:AKIAHARBOUR@bucket/x"))
    for command in ("ingest", "status", "check"):
        result = place.feeds(command)
        assert "very-secret" not in result.stdout + result.stderr
        assert "s3://bucket/x" in result.stdout + result.stderr
    assert "very-secret" not in repr(place.config)


# -- what is downloaded ----------------------------------------------------------------------------------


def test_an_unchanged_bucket_costs_its_listing_and_no_download(
    place: Place, s3: S3Server, bucket: str
) -> None:
    place.configure(inbox=entry(s3, f"s3://{bucket}/drop/"))
    for number in range(1, 4):
        s3.put(bucket, f"drop/{number}.md", article(number))
    assert place.ingest().new == 3
    assert sorted(s3.asked(bucket)) == ["drop/1.md", "drop/2.md", "drop/3.md", "list"]
    assert place.ingest().same == 3
    assert s3.asked(bucket) == ["list"]


def test_an_object_is_the_same_by_its_etag_whatever_its_date_and_another_one_in_the_same_second(
    place: Place, s3: S3Server, bucket: str
) -> None:
    place.configure(inbox=entry(s3, f"s3://{bucket}"))
    s3.put(bucket, "1.md", article(1))
    s3.put(bucket, "2.md", article(2))
    assert place.ingest().new == 2
    s3.asked(bucket)
    s3.put(bucket, "1.md", article(1, title="Ferry 1 is lost"[: len("Ferry 1 is back")]))
    assert place.ingest().changed == 1
    assert s3.asked(bucket) == ["list", "1.md"]
    time.sleep(1.1)  # dates of objects are counted in seconds
    s3.put(bucket, "2.md", article(2))
    assert place.ingest().same == 2
    assert s3.asked(bucket) == ["list"]


def test_empty_and_too_large_objects_are_named_and_not_downloaded(
    place: Place, s3: S3Server, bucket: str
) -> None:
    place.configure(inbox=entry(s3, f"s3://{bucket}"))
    s3.put(bucket, "empty.md", "")
    s3.put(bucket, "large.md", bytes(MAX_FILE_BYTES + 1))
    failed = {failure.path: failure.reason for failure in place.ingest().failed}
    assert failed == {"empty.md": "the file is empty", "large.md": "the file is larger than 32 MB"}
    assert place.ingest().failed == []
    assert s3.asked(bucket) == ["list", "list"]


@pytest.mark.slow
def test_objects_are_listed_over_several_pages(s3: S3Server, bucket: str) -> None:
    for number in range(1005):
        s3.put(bucket, f"{number:04}.md", "x")
    s3.asked(bucket)
    inbox = opened(s3, f"s3://{bucket}")
    scan = inbox.scan({})
    assert len(scan.to_read) == 1005
    stamps = {file.path: file.stamp for file in scan.to_read}
    assert len(inbox.scan(stamps).unchanged) == 1005
    assert s3.asked(bucket) == ["list"] * 4


# -- names and dates -------------------------------------------------------------------------------------


def test_only_what_lies_below_the_prefix_and_is_a_whole_file_is_found(s3: S3Server, bucket: str) -> None:
    for key in ("news/a.md", "news/b/c d%é字?#&.md", "news//double.md", "news/" + "k" * 900):
        s3.put(bucket, key, "x")
    for key in ("newsroom/a.md", "news", "news/", "news/folder/", "news/.git/x", "news/a.md.part"):
        s3.put(bucket, key, "x")
    files = list_files(opened(s3, f"s3://{bucket}/news"))
    assert sorted(files) == ["./double.md", "a.md", "b/c d%é字?#&.md", "k" * 900]
    inbox = opened(s3, f"s3://{bucket}/news")
    assert {inbox.read(file)[0] for file in list_files(inbox).values()} == {b"x"}


def test_an_article_without_a_date_is_dated_by_its_object(place: Place, s3: S3Server, bucket: str) -> None:
    place.configure(inbox=entry(s3, f"s3://{bucket}"))
    before = datetime.now(UTC).replace(microsecond=0)
    s3.put(bucket, "1.md", undated(1))
    time.sleep(1.1)
    place.ingest()
    (stored,) = newest_articles(place.store(), 10)
    assert before <= stored.published <= before + timedelta(seconds=1)


# -- what changes meanwhile, and what is gone ------------------------------------------------------------


def test_an_object_that_changes_or_goes_between_listing_and_reading_waits(s3: S3Server, bucket: str) -> None:
    s3.put(bucket, "changed.md", "one")
    s3.put(bucket, "gone.md", "one")
    inbox = opened(s3, f"s3://{bucket}")
    files = list_files(inbox)
    s3.put(bucket, "changed.md", "two")
    s3.remove(bucket, "gone.md")
    for path in files:
        with pytest.raises(StillChangingError, match=path):
            inbox.read(files[path])
    assert inbox.read(list_files(inbox)["changed.md"])[0] == b"two"


def test_a_bucket_that_is_empty_at_once_deletes_nothing(place: Place, s3: S3Server, bucket: str) -> None:
    place.configure(inbox=entry(s3, f"s3://{bucket}"), deleted="remove")
    s3.put(bucket, "1.md", article(1))
    s3.put(bucket, "2.md", article(2))
    place.ingest()
    s3.remove(bucket, "1.md")
    assert place.ingest().gone == 1
    s3.remove(bucket, "2.md")
    assert place.ingest().gone == 0
    assert len(newest_articles(place.store(), 10)) == 1


@pytest.mark.slow
def test_a_server_that_dies_while_objects_are_read_leaves_them_to_the_next_run_and_the_others_go_on(
    place: Place, tmp_path: Path
) -> None:
    with s3_server(tmp_path) as server:
        bucket = server.bucket()
        server.put(bucket, "1.md", article(1))
        place.configure(inbox=json.dumps([{"at": f"s3://{bucket}", "options": options(server)}, "inbox"]))
        place.drop("2.md", article(2))
        work = ingest_of(place.config, place.store())
        work.run("by hand", progress=lambda done, to_do: server.process.kill())  # after the listing
        report = work.run("by hand")
    assert titles(parsed(place.client().get("/feeds/all.atom").data)) == ["Ferry 2 is back"]
    assert place.store().failures() == []
    assert (report.same, report.failed) == (1, [])
    assert [failure.reason for failure in report.unreachable] == [
        f"the inbox s3://{bucket} cannot be read: cannot be reached"
    ]


def test_objects_that_may_not_be_read_are_named(s3: S3Server, bucket: str) -> None:
    s3.put(bucket, "1.md", article(1))
    public = f"{s3.endpoint}/{bucket}?acl"
    requests.put(public, headers={"x-amz-acl": "public-read"}, timeout=10).raise_for_status()
    inbox = open_inbox(
        InboxPlace(name="b", at=f"s3://{bucket}", options={"anon": True, "endpoint_url": s3.endpoint}),
        Path("/nowhere"),
    )
    with pytest.raises(ReadError, match="access is denied"):
        inbox.read(list_files(inbox)["1.md"])
