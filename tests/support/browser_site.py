"""The site that the browser visits: the sample articles of seeds/, and invented ones of three sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import Place, article

SEEDS = Path(__file__).resolve().parents[2] / "seeds"

INVENTED = {"Harbour Gazette": 45, "Lantern Post": 20, "潮汐晚报": 20}
"""How many articles each invented source has; with the seeds they fill several pages."""

CHINESE = "<p>老渡轮又在港口里来来回回，船长说今天的风比昨天小一些，岸上的人都来看它。</p>"

LONG = "Niederschlagswahrscheinlichkeits" * 4
WIDE = (
    f"<p>{LONG}</p><pre><code>{'feeds ingest --quietly ' * 20}</code></pre>"
    f"<table><tr>{'<td>half past seven</td>' * 20}</tr></table>"
    f'<p><a href="https://gazette.example/{LONG}">https://gazette.example/{LONG}</a></p>'
    '<figure><img src="https://gazette.example/pier.png" alt="The pier" width="2400" height="300"/></figure>'
)
"""What does not fit on a telephone."""

LINKED = {
    "english": "The Orchestra That Rehearses in a Boat Shed (sample)",
    "chinese": "夜校里的“无线电课”　老人们和月亮通了一次话 (sample)",
    "table": 'Old Swing Bridge [Part 2]: Rivets & Rust, "One Span at a Time" (sample)',
    "wide": LONG,
    "traditional": '守燈人的最後一本日誌："霧，燈照常" (sample)',
}
"""The titles of the articles whose pages are visited, by what stands for their numbers in paths."""


@dataclass(frozen=True, slots=True)
class Site:
    """A `feeds serve` that answers on 127.0.0.1, and what it publishes."""

    place: Place
    titles: dict[str, str]
    """The title of every article, by the number that its page has."""

    @property
    def address(self) -> str:
        return self.place.address

    def at(self, path: str) -> str:
        """A path's address; `{english}` and the other keys of LINKED in it become articles' numbers."""
        numbers = {title: number for number, title in self.titles.items()}
        return self.address + path.format(**{key: numbers[title] for key, title in LINKED.items()})


@contextmanager
def serving(root: Path) -> Iterator[Site]:
    """The site, as long as it is used."""
    with Place(root) as place:
        place.configure(
            title="Harbour Feeds",
            feeds="[{title: High Water, slug: tides, q: ferry}, {title: 渡轮, slug: ferries, q: 渡轮}]",
        )
        for seed in SEEDS.iterdir():
            place.drop(seed.name, seed.read_bytes())
        for source, count in INVENTED.items():
            for number in range(count):
                place.drop(f"{source}-{number}.md", invented(source, number))
        place.drop("wide.md", article(1, "Long Words", title=LONG, body=WIDE, date="2026-02-01T08:00:00Z"))
        place.drop("unreadable.md", "not an article")
        report = place.ingest()
        assert report.new > sum(INVENTED.values()), report
        store = place.store()
        articles = store.articles(store.entry_ids(limit=10_000))
        place.serving("serve", env={"WEB_CONCURRENCY": "1"}, seconds=60)
        yield Site(place, {id.removeprefix("urn:uuid:"): one.title for id, one in articles.items()})


def invented(source: str, number: int) -> str:
    """An article of one of the INVENTED sources: every third one tells of a lantern, or of a 灯塔."""
    date = f"2026-{number % 9 + 1:02}-{number % 28 + 1:02}T{number % 24:02}:30:00.000Z"
    if source.isascii():
        title = f"A lantern for pier {number}" if number % 3 == 0 else f"Ferry {number} is back"
        return article(number, source, title=title, date=date)
    title = f"灯塔亮了第{number}夜" if number % 3 == 0 else f"渡轮第{number}次回港"
    # Another address than by the name: hosts are ASCII.
    text = article(number, source, title=title, date=date, body=CHINESE)
    return text.replace(f"https://{source}.example", "https://tides.example")
