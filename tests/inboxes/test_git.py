"""A git repository as inbox: what is pushed is published, whatever becomes of the copy that is kept of it."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feeds.config.inboxes import InboxPlace
from feeds.inboxes import Inbox, InboxError, StillChangingError, open_inbox
from feeds.model.errors import ReadError
from feeds.parsers import MAX_FILE_BYTES
from tests.support.git_repository import Repository, git_over_http
from tests.support.places import Place, article, eventually, titles


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "origin")


@pytest.fixture
def caches(tmp_path: Path) -> Path:
    return tmp_path / "caches"


def address(repository: Repository, fragment: str = "") -> str:
    return f"git+file://{repository.folder}{fragment}"


def opened(at: str, caches: Path) -> Inbox:
    return open_inbox(InboxPlace(name="git", at=at), caches)


def texts(inbox: Inbox) -> dict[str, bytes]:
    due, _ = inbox.select_settled(inbox.scan({}).to_read, 0)
    return {file.path: inbox.read(file)[0] for file in due}


def packs(caches: Path) -> list[Path]:
    return list(caches.glob("*.git/objects/pack/*"))


# -- as its user sees it ---------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path, repository: Repository) -> Iterator[tuple[str, list[str]]]:
    with git_over_http(tmp_path, "ann", "p@ss word") as (host, asked):
        yield f"git+http://ann:p%40ss%20word@{host}/origin/.git", asked


def test_what_is_pushed_is_in_the_feed_and_follows_its_changes(
    place: Place, repository: Repository, served: tuple[str, list[str]]
) -> None:
    repository.commit({"posts/1.md": article(1), "posts/2.md": article(2), "README.md": "about"})
    place.configure(inbox=f'"{served[0]}#main:posts"', deleted="remove")
    process = place.serving()
    eventually(lambda: sorted(titles(place.read())) == ["Ferry 1 is back", "Ferry 2 is back"])
    repository.commit({"posts/1.md": article(1, title="Ferry 1 sank"), "posts/2.md": None})
    eventually(lambda: titles(place.read()) == ["Ferry 1 sank"])
    assert process.end() == 0
    assert "watching git+http://127.0.0.1" in process.said
    for secret in ("p%40ss", "p@ss", "ann:"):
        assert secret not in process.said
        assert not any(secret in str(path) for path in place.root.rglob("*"))
    settings = next((place.root / "var" / "git").glob("*.git/config")).read_text(encoding="utf-8")
    assert "127.0.0.1" not in settings


def test_an_unchanged_repository_is_asked_for_its_branch_and_sends_nothing(
    place: Place, repository: Repository, served: tuple[str, list[str]]
) -> None:
    url, asked = served
    repository.commit({"1.md": article(1)})
    place.configure(inbox=f'"{url}"')
    assert place.ingest().new == 1
    asked.clear()
    assert place.ingest().same == 1
    assert asked == ["GET refs", "POST git-upload-pack"]


def test_a_wrong_password_is_said_without_it(place: Place, served: tuple[str, list[str]]) -> None:
    place.configure(inbox=f'"{served[0].replace("word", "sword")}"')
    done = place.feeds("ingest")
    assert done.returncode == 2
    assert "cannot be read: " in done.stderr
    assert "sword" not in done.stderr


# -- what is found ---------------------------------------------------------------------------------------


def test_only_files_that_are_whole_and_in_the_repository_itself_are_read(
    repository: Repository, caches: Path
) -> None:
    repository.commit({"a.md": "a", "new\nline 字.md": "b", "empty.md": "", ".github/x.md": "", "a.tmp": ""})
    (repository.folder / "link.md").symlink_to("/etc/passwd")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"
    repository.commit({"lfs.md": pointer, "large.md": bytes(MAX_FILE_BYTES + 1)})
    head = repository.git("rev-parse", "HEAD").strip()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},submodule")
    repository.git("commit", "--quiet", "--message=A submodule")
    inbox = opened(address(repository), caches)
    files = {file.path: file for file in inbox.select_settled(inbox.scan({}).to_read, 0)[0]}
    assert sorted(files) == ["a.md", "empty.md", "large.md", "lfs.md", "new\nline 字.md"]
    assert [inbox.read(files[name])[0] for name in ("a.md", "empty.md", "new\nline 字.md")] == [
        b"a",
        b"",
        b"b",
    ]
    with pytest.raises(ReadError, match="Git LFS"):
        inbox.read(files["lfs.md"])
    with pytest.raises(ReadError, match="larger than 32 MB"):
        inbox.read(files["large.md"])


def test_a_file_is_known_by_its_content_and_dated_by_the_commit(repository: Repository, caches: Path) -> None:
    repository.commit({"a.md": "a", "b.md": "b"})
    inbox = opened(address(repository), caches)
    first = {file.path: file for file in inbox.scan({}).to_read}
    committed = int(repository.git("log", "-1", "--format=%ct"))
    assert {file.modified for file in first.values()} == {committed * 1_000_000_000}
    assert abs(datetime.now(UTC).timestamp() - committed) < 60
    time.sleep(1.1)  # commits are dated in seconds
    repository.commit({"b.md": "c"})
    second = inbox.scan({path: file.stamp for path, file in first.items()})
    assert (second.unchanged, [file.path for file in second.to_read]) == (["a.md"], ["b.md"])


def test_branches_and_folders_are_chosen_in_the_address(repository: Repository, caches: Path) -> None:
    repository.commit({"a.md": "main", "deep/er/b.md": "main"})
    repository.git("checkout", "--quiet", "-b", "next/one")
    repository.commit({"a.md": "next"})
    repository.git("checkout", "--quiet", "main")
    assert texts(opened(address(repository), caches)) == {"a.md": b"main", "deep/er/b.md": b"main"}
    assert texts(opened(address(repository, "#next/one"), caches))["a.md"] == b"next"
    assert texts(opened(address(repository, "#main:deep/er"), caches)) == {"b.md": b"main"}
    assert texts(opened(address(repository, "#:deep"), caches)) == {"er/b.md": b"main"}
    for fragment, reason in {"#gone": "no branch 'gone'", "#main:none": "no folder 'none'"}.items():
        with pytest.raises(InboxError, match=f"cannot be read: the repository has {reason}"):
            opened(address(repository, fragment), caches).scan({})


# -- what becomes of repositories ------------------------------------------------------------------------


def test_an_empty_repository_holds_nothing_and_one_that_vanished_cannot_be_read(
    repository: Repository, caches: Path
) -> None:
    inbox = opened(address(repository), caches)
    assert inbox.scan({}).to_read == []
    repository.commit({"a.md": "a"})
    assert texts(inbox) == {"a.md": b"a"}
    shutil.rmtree(repository.folder)
    with pytest.raises(InboxError, match="does not appear to be a git repository"):
        inbox.scan({})


def test_rewritten_history_and_another_default_branch_are_followed(
    repository: Repository, caches: Path
) -> None:
    inbox = opened(address(repository), caches)
    repository.commit({"a.md": "one"})
    assert texts(inbox) == {"a.md": b"one"}
    repository.commit({"a.md": "two"}, "--amend")
    assert texts(inbox) == {"a.md": b"two"}
    repository.git("checkout", "--quiet", "--orphan", "trunk")
    repository.commit({"a.md": "three"})
    assert texts(inbox) == {"a.md": b"three"}
    repository.git("branch", "--delete", "--force", "main")
    assert texts(inbox) == {"a.md": b"three"}


@pytest.mark.parametrize("fault", ["broken", "lost", "locked", "no repository"])
def test_a_copy_that_was_spoilt_is_made_anew(repository: Repository, caches: Path, fault: str) -> None:
    inbox = opened(address(repository), caches)
    repository.commit({"a.md": "one"})
    texts(inbox)
    (copy,) = caches.iterdir()
    for pack in packs(caches):
        if fault == "broken":
            pack.chmod(0o600)
            pack.write_bytes(b"broken")
        elif fault == "lost":
            pack.unlink()
    if fault == "locked":  # by a git that was killed
        (copy / "shallow.lock").touch()
        repository.commit({"b.md": "two"})
        assert texts(inbox) == {"a.md": b"one", "b.md": b"two"}
        return
    if fault == "no repository":
        (copy / "HEAD").write_text("?")
    assert texts(inbox) == {"a.md": b"one"}


def test_a_copy_that_breaks_while_it_is_read_leaves_the_files_to_the_next_run(
    repository: Repository, caches: Path
) -> None:
    inbox = opened(address(repository), caches)
    repository.commit({"a.md": "one", "b.md": "two"})
    due, _ = inbox.select_settled(inbox.scan({}).to_read, 0)
    for pack in packs(caches):
        pack.unlink()
    for file in due:
        with pytest.raises(StillChangingError):
            inbox.read(file)
    assert texts(inbox) == {"a.md": b"one", "b.md": b"two"}


def test_a_copy_that_was_thrown_away_makes_nothing_new(place: Place, repository: Repository) -> None:
    repository.commit({"1.md": article(1)})
    place.configure(inbox=address(repository))
    assert place.ingest().new == 1
    shutil.rmtree(place.root / "var" / "git")
    assert place.ingest().same == 1


def test_many_fetches_do_not_fill_the_disk(repository: Repository, caches: Path) -> None:
    inbox = opened(address(repository), caches)
    for number in range(35):
        repository.commit({"a.md": f"{number}"})
        assert texts(inbox) == {"a.md": f"{number}".encode()}
    assert len(list(caches.glob("*.git/objects/pack/*.pack"))) < 10


def test_where_no_copy_can_be_kept_a_temporary_one_is(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.md": "a"})
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    inbox = opened(address(repository), tmp_path / "file" / "caches")
    assert texts(inbox) == texts(inbox) == {"a.md": b"a"}
    assert len(list((tmp_path / "temporary").iterdir())) == 1
    del inbox
    gc.collect()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_hosts_own_git_settings_and_hooks_have_no_say(
    repository: Repository, caches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "reference-transaction").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "reference-transaction").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f'[core]\nhooksPath = {hooks}\n[url "ext::sh -c false "]\ninsteadOf = file:///\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    repository.commit({"a.md": "a"})
    assert texts(opened(address(repository), caches)) == {"a.md": b"a"}
    assert not (tmp_path / "ran").exists()


def test_a_missing_program_is_named_before_anything_starts(place: Place) -> None:
    place.configure(inbox="git+https://host.example/news.git")
    without = {"PATH": str(place.root)}
    for command in ("check", "run"):
        done = place.feeds(command, env=without)
        assert done.returncode == 2
        assert "needs the program git, which is not installed" in done.stderr
