"""`feeds export`: the same bytes as served, as files, and nothing else touched."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urljoin

import pytest
from lxml import etree, html

from feeds.publishing.formats import WRITERS
from feeds.web.static_export import JOURNAL, MANIFEST, ExportError, export
from tests.support.places import Place, article, parsed

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
BASE = "https://feeds.example/sub"
FEEDS = [
    f"feeds/{name}.{suffix}" for name in ("all", "harbour-gazette", "lantern-post") for suffix in WRITERS
]

PAGES = [f"feeds/{name}.html" for name in ("all", "harbour-gazette", "lantern-post")]


@pytest.fixture
def filled(place: Place) -> Place:
    for number, source in enumerate((GAZETTE, POST, GAZETTE), 1):
        place.drop(f"{number}.md", article(number, source))
    place.ingest()
    return place


def files(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file() and file.name != MANIFEST)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


def stamps(folder: Path) -> dict[str, int]:
    return {path: (folder / path).stat().st_mtime_ns for path in files(folder)}


def exported(place: Place, *arguments: str) -> Path:
    done = place.feeds("export", "out", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return place.root / "out"


def test_everything_that_is_served_is_there_byte_by_byte(filled: Place) -> None:
    filled.configure(base_url=BASE)
    out = files(exported(filled))
    client = filled.client()
    static = [path for path in out if path.startswith("static/")]
    articles = [path for path in out if path.startswith("articles/")]
    assert {*FEEDS, *PAGES, "feeds.opml", "robots.txt", "index.html", *static, *articles} == set(out)
    assert len(articles) == 3
    assert "static/feeds.css" in static
    for path in (path for path in out if not path.endswith(".html")):
        with client.get(f"/{path}") as answer:
            assert out[path] == answer.data, path
    assert f"{BASE}/feeds/all.atom" in out["index.html"].decode()


def test_the_whole_past_and_the_named_views_are_there_too(filled: Place) -> None:
    view = {"slug": "posts", "title": "Posts", "source": ["lantern-post"]}
    filled.configure(base_url=BASE, limit=1, feeds=[view])
    out = files(exported(filled))
    assert {f"feeds/posts.{suffix}" for suffix in WRITERS} <= set(out)
    path, seen = "feeds/all.json", []
    while path:
        document = json.loads(out[path])
        seen += [item["title"] for item in document["items"]]
        path = document.get("next_url", "").removeprefix(f"{BASE}/")
    assert sorted(set(seen)) == ["Ferry 1 is back", "Ferry 2 is back", "Ferry 3 is back"]
    assert any(path.count("/") == 2 and path.endswith(".atom") for path in out)
    titles, page = [], "feeds/all.html"
    while page:
        tree = html.fromstring(out[page])
        titles += [title.text for title in tree.xpath("//article//h2/a")]
        page = "".join(tree.xpath("//a[@rel='next']/@href")).removeprefix(f"{BASE}/")
    assert sorted(set(titles)) == sorted(set(seen))


def test_the_address_given_wins_over_the_configured_one(filled: Place) -> None:
    filled.configure(base_url="https://elsewhere.example")
    out = files(exported(filled, "--base-url", f"{BASE}/"))
    assert b"elsewhere" not in b"".join(out.values())
    assert parsed(out["feeds/all.rss"]).feed.links[-1].href.startswith(BASE)
    done = filled.feeds("export", "out", "--base-url", "nowhere")
    assert (done.returncode, done.stderr) == (
        2,
        "nowhere: expected an address such as https://feeds.example.org\n",
    )


def test_without_an_address_every_link_leads_to_a_file_from_where_it_stands(filled: Place) -> None:
    out = files(exported(filled))
    assert b"feeds.invalid" not in b"".join(out.values())
    articles = [path for path in out if path.startswith("articles/")]
    for path in ("index.html", *PAGES, *articles, "feeds.opml", "feeds/all.atom", "feeds/all.json"):
        text = out[path]
        if path.endswith("html"):
            links = html.fromstring(text).xpath("//@href[not(starts-with(., '#'))] | //@src")
        elif path.endswith("json"):
            links = [json.loads(text)["feed_url"]]
        else:
            links = etree.fromstring(text).xpath("//@xmlUrl | /*/*[local-name()='link']/@href")
        assert isinstance(links, list)
        targets = [urljoin(f"x:///{path}".replace("x:", "file:"), str(link)) for link in links]
        ours = [
            target.removeprefix("file:///").partition("#")[0] or "index.html"
            for target in targets
            if target.startswith("file:")
        ]
        assert ours
        assert set(ours) <= set(out), path


def test_only_what_changed_is_written_again(filled: Place) -> None:
    filled.configure(base_url=BASE)
    out = exported(filled)
    before = stamps(out)
    done = filled.feeds("export", "out")
    assert done.stdout == f"written 0, same {len(before)}, removed 0\n"
    assert filled.feeds("ingest").returncode == 0  # a run that reads nothing new changes nothing
    exported(filled)
    assert stamps(out) == before
    filled.drop("4.md", article(4, POST))
    filled.ingest()
    exported(filled)
    after = stamps(out)
    changed = {path for path in after if after[path] != before.get(path)}
    (new,) = after.keys() - before.keys()
    assert new.startswith("articles/")
    feeds = [path for path in (*FEEDS, *PAGES) if "harbour" not in path]
    assert changed == {"index.html", "feeds.opml", new, *feeds}


def test_two_exports_of_two_databases_are_the_same(filled: Place, tmp_path: Path) -> None:
    filled.configure(base_url=BASE)
    first = exported(filled)
    filled.configure(base_url=BASE, database="other.sqlite")
    filled.ingest()
    export(filled.config, filled.store(), tmp_path / "second")
    assert files(first) == files(tmp_path / "second")
    assert (first / MANIFEST).read_bytes() == (tmp_path / "second" / MANIFEST).read_bytes()


def test_the_files_of_a_feed_that_is_gone_go_and_no_others(filled: Place) -> None:
    out = exported(filled)
    (out / "CNAME").write_text("feeds.example")
    (out / "feeds/lantern-post.txt").write_text("mine")
    (out / "feeds/lantern-post.json").write_text("mine too")
    assert filled.feeds("sources", "merge", "lantern-post", "harbour-gazette").returncode == 0
    done = filled.feeds("export", "out")
    assert done.stderr == "feeds/lantern-post.json: not removed, since somebody changed it\n"
    removed = len(WRITERS) - 1 + 1  # the feeds without the changed one, and the page
    assert done.stdout.endswith(f"removed {removed}\n")
    assert sorted(path for path in files(out) if "lantern" in path or path == "CNAME") == [
        "CNAME",
        "feeds/lantern-post.json",
        "feeds/lantern-post.txt",
    ]


def test_what_a_killed_export_wrote_is_known_to_the_next_one(filled: Place) -> None:
    out = exported(filled)
    manifest = json.loads((out / MANIFEST).read_text())
    gone = {path: manifest.pop(path) for path in (*FEEDS, *PAGES) if "lantern" in path}
    (out / MANIFEST).write_text(json.dumps(manifest))
    lines = "".join(json.dumps([path, digest]) + "\n" for path, digest in gone.items())
    (out / JOURNAL).write_text(lines + '["feeds/la')
    (out / "feeds/.all.atom.feeds-part").write_text("half")
    (out / "feeds/all.atom").unlink()
    filled.feeds("sources", "merge", "lantern-post", "harbour-gazette")
    exported(filled)
    assert [path for path in files(out) if "lantern" in path or "part" in path or path == JOURNAL] == []


def test_a_manifest_takes_away_nothing_outside_of_the_folder(filled: Place) -> None:
    out = exported(filled)
    outside = filled.root / "precious"
    outside.write_text("x")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    said = {"../precious": digest, str(outside): digest, "": digest}
    (out / MANIFEST).write_text(json.dumps(said))
    exported(filled)
    assert outside.exists()
    (out / MANIFEST).write_text("[1]")
    done = filled.feeds("export", "out")
    assert done.returncode == 2
    assert "not written by an export" in done.stderr


def test_a_link_in_the_folder_is_replaced_and_what_it_leads_to_stays(filled: Place) -> None:
    outside = filled.root / "precious"
    outside.write_text("x")
    out = exported(filled)
    for name in ("feeds/all.atom", "feeds/.all.rss.feeds-part"):
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(outside)
    (out / "feeds/all.rss").unlink()
    exported(filled)
    assert outside.read_text() == "x"
    assert not (out / "feeds/all.atom").is_symlink()


def test_private_feeds_are_left_out(filled: Place) -> None:
    filled.configure(private=["harbour-gazette"])
    filled.ingest()
    out = files(exported(filled))
    assert {path for path in out if path.startswith("feeds/")} == {
        path for path in (*FEEDS, *PAGES) if "harbour" not in path
    }
    assert b"Ferry 1" not in b"".join(out.values())
    filled.configure(private="true")
    with pytest.raises(ExportError, match="every feed is private"):
        export(filled.config, filled.store(), filled.root / "none")


def test_before_the_first_run_there_is_nothing_to_export(place: Place) -> None:
    place.feeds("migrate")
    done = place.feeds("export", "out")
    assert (done.returncode, done.stderr) == (2, "nothing has been read yet; run `feeds ingest` first\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_clear_line(filled: Place) -> None:
    (filled.root / "out").mkdir(mode=0o500)
    done = filled.feeds("export", "out")
    assert (done.returncode, "Permission denied" in done.stderr) == (2, True)


def test_a_file_in_the_way_is_one_clear_line(filled: Place) -> None:
    (filled.root / "out").mkdir()
    (filled.root / "out" / "feeds").write_text("mine")
    done = filled.feeds("export", "out")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
