"""`feeds explain` and `feeds clean --check`: what holds, where it comes from, whether anything is to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import finished

ARTICLE = """<!--1777887000000-->
[The Ferry Is Back](https://www.dw.com/zh/sample/a-9000001)
------

<p>It left at nine.</p>{}
"""


def feeds(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return finished(arguments, folder, {"HOME": str(folder), "LANG": "C.UTF-8"})


@pytest.mark.parametrize("arguments", [["clean", "--url", "https://a.example/"], ["ingest"]])
def test_re2_is_imported_only_where_a_tracking_list_is_configured(
    tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "list.txt").write_text("$removeparam=utm_source\n", encoding="utf-8")

    def imported() -> bool:
        listing = [sys.executable, "-X", "importtime", "-m", "feeds", *arguments]
        done = subprocess.run(listing, cwd=tmp_path, capture_output=True, text=True, check=True)
        return " re2\n" in done.stderr

    assert not imported()
    (tmp_path / "config.yaml").write_text("tracking_lists: [list.txt]\n", encoding="utf-8")
    assert imported()


def test_each_rule_of_a_source_is_shown_with_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "sources:\n  - title: 德国之声\n    slug: dw\n"
        "    rules:\n      drop: ['.promo']\n      off: [stamp]\n",
        encoding="utf-8",
    )
    said = feeds(tmp_path, "explain", "dw")
    assert said.returncode == 0
    lines = said.stdout.splitlines()
    assert lines[0] == "德国之声 (dw)"
    assert "  .promo  [config.yaml: dw]" in lines
    assert "  stamp  [config.yaml: dw]" in lines
    assert any(line.startswith("  from: https?://api") and line.endswith("[dw]") for line in lines)
    assert any(line.endswith("[weserv]") for line in lines[lines.index("proxies:") :])


def test_tracking_lists_are_named_with_what_they_give(tmp_path: Path) -> None:
    lists = Path(__file__).parents[1] / "config" / "lists"
    (tmp_path / "config.yaml").write_text(f"tracking_lists: [{lists}/a.json, {lists}/b.txt]\n", "utf-8")
    given = [
        "tracking lists: 2",
        f"  {lists}/a.json: ClearURLs, 1 providers, 3 rules",
        f"  {lists}/b.txt: filter list, 2 rules",
        "    left out: 1 only for image",
        "    cannot be used: 1, which `feeds check` names",
    ]
    assert "\n".join(given) in feeds(tmp_path, "explain", "dw").stdout
    checked = feeds(tmp_path, "check")
    assert (checked.returncode, "\n".join(given) in checked.stdout) == (0, True)
    assert checked.stderr == (
        f"warning: {lists}/b.txt:5: not a usable regular expression: ( (missing ): ()\n"
    )
    made = feeds(
        tmp_path, "clean", "--url", "https://gazette.example/out?to=https://paper.example/?from=a%26b%26c=d"
    )
    assert made.stdout == "https://paper.example/\n"


def test_a_source_is_found_by_any_of_its_names(tmp_path: Path) -> None:
    by_slug, by_name = feeds(tmp_path, "explain", "dw"), feeds(tmp_path, "explain", "德国之声")
    assert by_slug.stdout == by_name.stdout != ""


def test_an_unknown_source_is_one_line_with_a_suggestion(tmp_path: Path) -> None:
    said = feeds(tmp_path, "explain", "dww")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "no pack and no configuration defines 'dww' (did you mean `dw`?)\n"


def test_check_says_by_its_exit_code_whether_anything_is_to_clean(tmp_path: Path) -> None:
    (tmp_path / "clean.md").write_text(ARTICLE.format(""), encoding="utf-8")
    (tmp_path / "cruft.md").write_text(ARTICLE.format("<script>1</script>"), encoding="utf-8")
    assert feeds(tmp_path, "clean", "--check", "clean.md").returncode == 0
    assert feeds(tmp_path, "clean", "--check", "clean.md", "cruft.md").returncode == 1
    assert feeds(tmp_path, "clean", "cruft.md").returncode == 0


def test_without_an_option_the_receipt_and_the_diff_are_shown(tmp_path: Path) -> None:
    (tmp_path / "cruft.md").write_text(ARTICLE.format("<script>1</script>"), encoding="utf-8")
    said = feeds(tmp_path, "clean", "cruft.md").stdout
    assert "  drop × 1\n" in said
    assert "\n-<script>1</script>\n" in said
