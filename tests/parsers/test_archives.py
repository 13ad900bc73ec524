"""Archives, built here from small files: what is read of them, under which names, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds import parsers
from feeds.model.errors import ReadError
from feeds.parsers import MAX_FILE_BYTES, Document, SkippedItem, archives
from tests.support.examples import examples

DOCUMENTS = Path(__file__).parent / "documents"


def article(number: int | str) -> bytes:
    return f"[Article {number}](https://boxes.example/{number})\n------\n<p>Number {number}.</p>\n".encode()


FILES: Mapping[str, bytes] = {
    "b/2.md": article(2),
    "a/1.md": article(1),
    "feed.xml": (DOCUMENTS / "rss20-links.xml").read_bytes(),
    "b/broken.md": b"---\ntitle: without an end\n",
    "中文/三.txt": article("3"),
}


def zipped(files: Mapping[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes] = FILES, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "box.zip": zipped,
    "stored.zip": lambda: zipped(method=zipfile.ZIP_STORED),
    "box.tar": tarred,
    "gnu.tar": lambda: tarred(form=tarfile.GNU_FORMAT),
    "box.tar.gz": lambda: gzip.compress(tarred()),
    "box.tgz": lambda: gzip.compress(tarred(), mtime=0),
    "box.tar.bz2": lambda: bz2.compress(tarred()),
    "box.tar.xz": lambda: lzma.compress(tarred()),
    "in parts.tar.gz": lambda: gzip.compress(tarred()[:700]) + gzip.compress(tarred()[700:]),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_members_are_read_each_in_its_own_way_in_the_order_of_their_names(name: str) -> None:
    result = parsers.parse_file(ARCHIVES[name](), name)
    assert list(zip(result.names, (draft.link for draft in result.drafts), strict=True)) == [
        (f"{name}/a/1.md", "https://boxes.example/1"),
        (f"{name}/b/2.md", "https://boxes.example/2"),
        (f"{name}/feed.xml entry 1", "https://signs.example/guid"),
        (f"{name}/feed.xml entry 2", "https://signs.example/"),
        (f"{name}/feed.xml entry 3", "https://signs.example/empty-link"),
        (f"{name}/feed.xml entry 4", "https://signs.example/"),
        (f"{name}/feed.xml entry 5", "https://signs.example/real"),
        (f"{name}/feed.xml entry 6", "https://signs.example/blanks"),
        (f"{name}/中文/三.txt", "https://boxes.example/3"),
    ]
    assert result.skipped == [
        SkippedItem(f"{name}/b/broken.md", "line 1: the front matter (---) is never closed"),
    ]


@pytest.mark.parametrize("name", ["renamed", "x.md", "x.xml"])
def test_an_archive_is_known_by_its_first_bytes(name: str) -> None:
    assert (
        len(parsers.parse_drafts(zipped(), name))
        == len(parsers.parse_drafts(gzip.compress(tarred()), name))
        == 9
    )


@pytest.mark.parametrize(
    ("pack", "suffix"), [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")]
)
def test_a_single_compressed_file_is_that_file(pack: Callable[[bytes], bytes], suffix: str) -> None:
    result = parsers.parse_file(pack(article(1)), f"sub/1.md{suffix}")
    assert result.names == [f"sub/1.md{suffix}/1.md"]
    assert result.drafts == parsers.parse_drafts(article(1), "1.md")


# -- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gb18030", "cp437", "utf-8"])
def test_names_in_old_encodings_are_decoded(encoding: str) -> None:
    name = {"gb18030": "文章/第一.md", "cp437": "café/élan.md", "utf-8": "文章/café.md"}[encoding]
    written = name.encode(encoding)
    placeholder = "x" * len(written)
    data = zipped({placeholder: article(1)}).replace(placeholder.encode(), written)
    assert parsers.parse_file(data, "a.zip").names == [f"a.zip/{name}"]


@pytest.mark.parametrize(
    "name",
    ["../up.md", "a/../../up.md", "/etc/abs.md", ".hidden.md", "a/.git/x.md", "__MACOSX/._x.md", "C:/x.md"],
)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_paths_that_lead_elsewhere_and_hidden_files_are_passed_over(
    make: Callable[[Mapping[str, bytes]], bytes], name: str
) -> None:
    assert parsers.parse_file(make({name: article(1), "b.md": article(2)}), "a").names == ["a/b.md"]


def test_links_devices_and_folders_in_a_tar_are_passed_over() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo(f"x{kind.decode()}.md")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("y" * 300 + ".md")
        info.size = len(article(1))
        archive.addfile(info, io.BytesIO(article(1)))
    assert parsers.parse_file(buffer.getvalue(), "a.tar").names == [f"a.tar/{'y' * 300}.md"]


def test_a_link_in_a_zip_is_passed_over() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link.md")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("b.md", article(2))
    assert parsers.parse_file(buffer.getvalue(), "a.zip").names == ["a.zip/b.md"]


# -- what is refused -------------------------------------------------------------------------------------


def refusals(data: bytes) -> list[str]:
    return [item.reason for item in parsers.parse_file(data, "a.zip").skipped]


def test_an_archive_within_an_archive_is_not_opened() -> None:
    data = zipped({"inner.zip": zipped(), "inner.tgz": gzip.compress(tarred()), "z.md": article(1)})
    assert refusals(data) == ["an archive within an archive is not opened"] * 2


def test_an_encrypted_member_is_named() -> None:
    data = bytearray(zipped({"a.md": article(1), "b.md": article(2)}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    assert refusals(bytes(data)) == ["it is encrypted"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_unpacked_a_piece_at_a_time_is_not_unpacked(method: int) -> None:
    buffer = io.BytesIO(zipped({"b.md": article(2)}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("a.md", article(1), method)
    (reason,) = refusals(buffer.getvalue())
    assert reason.startswith("its compression method is not supported")


def test_a_damaged_member_costs_no_other() -> None:
    data = zipped({"a.md": article("1" * 50), "b.md": article(2)}, zipfile.ZIP_STORED)
    damaged = data.replace(b"1" * 50, b"1" * 49 + b"2", 1)
    (reason,) = refusals(damaged)
    assert reason.startswith("cannot be unpacked: Bad CRC-32")


def test_a_large_member_costs_no_other() -> None:
    members = archives.read_members(
        Document(zipped({"a.md": article("1" * 500), "b.md": article(2)}), "a.zip"), 200
    )
    large, small = members
    assert large == SkippedItem("a.zip/a.md", "the file is larger than 0 MB")
    assert isinstance(small, Document)
    assert small.data == article(2)


def quickly_xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=0)


@pytest.mark.parametrize("name", ["box.tar", "box.tar.gz", "box.tar.bz2", "box.tar.xz"])
def test_of_a_truncated_archive_comes_what_came_before(name: str) -> None:
    noise = random.Random(1)
    files = {f"{n:02}.md": article(n) + noise.randbytes(9000).hex().encode() for n in range(60)}
    pack: dict[str, Callable[[bytes], bytes]] = {
        "box.tar": bytes,
        "box.tar.gz": gzip.compress,
        "box.tar.xz": quickly_xz,
    }
    whole = pack[name](tarred(files)) if name in pack else bz2.compress(tarred(files), 1)
    result = parsers.parse_file(whole[: len(whole) // 2], name)
    assert 20 < len(result.drafts) < 40
    assert [item.name for item in result.skipped][-1] == name
    assert "cut off" in result.skipped[-1].reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped()[:-30], "the archive cannot be read"),
        (zipped()[:200], "the archive cannot be read"),
        (zipped({}), "there is no article in it"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (gzip.compress(tarred(), mtime=0)[:20], "the archive is cut off"),
        (b"\x1f\x8b\x08" + b"x" * 50, "the archive is damaged"),
        (b"PK\x03\x04", "the archive cannot be read"),
        (zipped({"a.png": b"\x89PNG\0"}), "a.png: not text: it has zero bytes"),
        (zipped({"a.md": b"", "b.md": b"x"}), "a.md: the file is empty; b.md: not an article"),
    ],
    ids=range(9),
)
def test_an_archive_in_which_nothing_can_be_used_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        parsers.parse_file(data, "a.zip")
    assert str(caught.value).removeprefix("a.zip: ").startswith(reason)


# -- bombs: every bound is checked while bytes come out ----------------------------------------------------


def zeros(size: int) -> bytes:
    return article(1) + b" " * size


@pytest.mark.parametrize(
    "make",
    [
        lambda: gzip.compress(zeros(60_000_000), 9),
        lambda: bz2.compress(zeros(60_000_000)),
        lambda: lzma.compress(zeros(60_000_000), preset=0),
        lambda: zipped({"a.md": zeros(20_000_000), "b.md": zeros(20_000_000)}),
        lambda: gzip.compress(tarred({f"{n}.md": zeros(7_000_000) for n in range(7)})),
        lambda: gzip.compress(gzip.compress(zeros(10_000_000))),
    ],
    ids=["gz", "bz2", "xz", "zip", "tar.gz", "gz in gz"],
)
def test_a_bomb_is_refused_before_it_is_large(make: Callable[[], bytes]) -> None:
    with pytest.raises(ReadError):
        parsers.parse_file(make(), "a")


def test_a_member_that_lies_about_its_size_is_bounded_all_the_same() -> None:
    bomb = zeros(30_000_000)
    data = zipped({"a.md": bomb, "b.md": article(2)})
    lied = data.replace(len(bomb).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    result = parsers.parse_file(lied, "a.zip")
    assert result.names[-1] == "a.zip/b.md"


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    for make in (zipped, tarred):
        members = archives.read_members(
            Document(make({f"{n}.md": article(n) for n in range(12)}), "a"), MAX_FILE_BYTES
        )
        with pytest.raises(ReadError, match="more than 10 members"):
            list(members)


def test_a_chain_of_empty_parts_ends() -> None:
    data = gzip.compress(article(1)) + gzip.compress(b"") * 100_000
    assert len(parsers.parse_drafts(data, "a.gz")) == 1


def test_headers_that_tar_readers_stumbled_over_are_refused() -> None:
    negative = bytearray(tarred({"a.md": article(1)}, tarfile.GNU_FORMAT))
    negative[124:136] = b"\xff" * 12
    checksum = sum(negative[:512]) - sum(negative[148:156]) + 8 * 32
    negative[148:156] = b"%06o\0 " % checksum
    with pytest.raises(ReadError):
        parsers.parse_file(bytes(negative), "a.tar")
    digits = io.BytesIO()
    with tarfile.open(
        fileobj=digits, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"k": "1" * 5_000_000}
    ) as archive:
        archive.addfile(tarfile.TarInfo("a.md"))
    with pytest.raises(ReadError, match="a header that is not supported"):
        parsers.parse_file(digits.getvalue(), "a.tar")


SAMPLES = [(name, make()) for name, make in ARCHIVES.items()]


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=examples(400), deadline=None)
def test_any_damage_gives_drafts_or_a_read_error(sample: tuple[str, bytes], data: st.DataObject) -> None:
    name, archive = sample
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(archive)))
        end = start + data.draw(st.integers(0, 12))
        archive = archive[:start] + data.draw(st.binary(max_size=12)) + archive[end:]
    try:
        result = parsers.parse_file(archive, name)
    except ReadError:
        return
    assert result.drafts
