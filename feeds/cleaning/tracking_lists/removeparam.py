"""Filter lists as AdGuard and uBlock Origin read them: their rules with `$removeparam`, and no others.

The format is that of AdGuard's knowledge base, "How to create your own ad filters", and of uBlock Origin's
wiki, "Static filter syntax". A link is a request for a document by nobody: rules for other kinds of requests
or for requests from certain pages are counted and left out. `domain=` is where the link leads, as it is for
documents there. Conditions (`!#if`) are not evaluated: what stands between them holds.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import unquote

from feeds.cleaning.tracking_lists.rule import Exemption, Rule, RuleError, Shape, TrackingList, Where, told
from feeds.model.errors import ConfigError
from feeds.text import urls

_MOST_RULES = 200_000
_LONGEST_LINE = 8_000
_LINE = re.compile(
    r"(?P<allow>@@)?(?P<pattern>.*?)\$"
    r"(?P<options>(?:[~\w\-]+(?:=[^,$]*)?,)*(?:removeparam|queryprune)(?:[=,].*)?)"
)
_SITE = re.compile(r"[\w\-]+(?:\.[\w\-]+)*(?:\.\*)?")
_ANCHORED = re.compile(r"\|\|(?P<host>[\w\-]+(?:\.[\w\-]+)*(?:\.\*|\.[a-z][\w\-]+))(?P<rest>[\^/:?].*)")
_DOCUMENTS = frozenset({"all", "doc", "document"})
_OTHER_TYPES = frozenset(
    "css font frame image inline-font inline-script media object other ping popup script stylesheet "
    "subdocument webrtc websocket xhr xmlhttprequest".split()
)
_NO_MATTER = re.compile(r"important|_+")


class _LeftOutError(Exception):
    """A rule is right, but not for links; the text is why."""


@dataclass(slots=True)
class _Options:
    """What stands behind the `$`."""

    value: str = ""
    case: bool = False
    bad: bool = False
    sites: set[str] = field(default_factory=set)
    not_sites: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    """All but `badfilter`, as written: what a `badfilter` has to repeat."""


def read(text: str, name: str, digest: str) -> TrackingList:
    """A filter list; raises ConfigError for a text without any rule with `$removeparam`."""
    rules: dict[tuple[str, str, frozenset[str]], Rule | Exemption] = {}
    bad = set()
    unusable: list[str] = []
    left_out: Counter[str] = Counter()
    seen = 0
    for number, line in enumerate(text.splitlines(), 1):
        match = _rule_in(line.strip())
        if match is None:
            continue
        seen += 1
        if seen > _MOST_RULES:
            raise ConfigError(f"{name}:{number}: more than {_MOST_RULES} rules")
        try:
            options = _options(match["options"])
            key = (match["allow"] or "", match["pattern"], frozenset(options.others))
            if options.bad:
                bad.add(key)
            else:
                rules[key] = _rule(match["pattern"], options, allow=bool(match["allow"]))
        except _LeftOutError as reason:
            left_out[told(str(reason))] += 1
        except RuleError as error:
            unusable.append(told(f"{name}:{number}: {error}"))
    if not seen:
        raise ConfigError(
            f"{name}:1: neither ClearURLs' data.min.json nor a filter list with rules that have $removeparam"
        )
    used = [rule for key, rule in rules.items() if key not in bad]
    return TrackingList(
        name=name,
        form="filter list",
        digest=digest,
        rules=tuple(rule for rule in used if isinstance(rule, Rule)),
        exemptions=tuple(rule for rule in used if isinstance(rule, Exemption)),
        size=len(used),
        unusable=tuple(unusable),
        left_out=dict(sorted(left_out.items())),
    )


def _rule_in(line: str) -> re.Match[str] | None:
    """A line with `$removeparam`; None for comments, headers and every other kind of rule."""
    if len(line) > _LONGEST_LINE or line.startswith(("!", "#", "[")):
        return None
    if "removeparam" not in line and "queryprune" not in line:
        return None
    return _LINE.fullmatch(line)


def _options(text: str) -> _Options:
    options = _Options()
    kinds = set()
    for option in _split(text):
        key, _, value = option.partition("=")
        positive = not key.startswith("~")
        key = key.removeprefix("~").lower()
        if key == "badfilter":
            options.bad = True
            continue
        options.others.append(option)
        if key in ("removeparam", "queryprune") and positive:
            options.value = value
        elif key in ("domain", "from", "to") and positive and value:
            _add_sites(options, key, value.lower())
        elif key == "denyallow" and positive and value:
            options.not_sites.update(value.lower().split("|"))
        elif key == "match-case" and positive:
            options.case = True
        elif key in _DOCUMENTS or key in _OTHER_TYPES:
            if positive:
                kinds.add(key)
            elif key in _DOCUMENTS:
                raise _LeftOutError("not for documents")
        elif not _NO_MATTER.fullmatch(key):
            raise _LeftOutError(f"with the option {key}")
    if kinds and kinds.isdisjoint(_DOCUMENTS):
        raise _LeftOutError(f"only for {', '.join(sorted(kinds))}")
    return options


def _split(text: str) -> list[str]:
    """The options between commas; a regular expression may hold commas of its own."""
    options: list[str] = []
    for piece in re.split(r"(?<!\\),", text):
        if options and re.match(r"(?:removeparam|queryprune)=~?/", options[-1]) and _is_open(options[-1]):
            options[-1] += f",{piece}"
        else:
            options.append(piece)
    return options


def _is_open(option: str) -> bool:
    return not re.search(r"=~?/.*[^\\]/i?$", option)


def _add_sites(options: _Options, key: str, value: str) -> None:
    for site in value.split("|"):
        name = site.removeprefix("~")
        if not _SITE.fullmatch(name):
            raise _LeftOutError(f"with a pattern in {key}=")
        (options.not_sites if site.startswith("~") else options.sites).add(name)


def _rule(pattern: str, options: _Options, *, allow: bool) -> Rule | Exemption:
    where = _where(pattern, options)
    value = options.value
    if allow:
        return Exemption(where, value)
    bare = value.removeprefix("~")
    inverted = bare != value
    if (inverted or not value) and where.everywhere:
        raise RuleError(f"would take parameters off every address: ${'removeparam=' + value}")
    if bare.startswith("|"):
        raise RuleError(f"an old form that is not read: {value}")
    if not bare:
        return Rule(where=where, inverted=True, of_links_only=True, value=value)
    expression = re.fullmatch("/(.+)/(i?)", bare)
    if expression:
        shape = Shape(expression[1].replace(r"\,", ","), case=not expression[2])
        return Rule(where=where, shapes=(shape,), inverted=inverted, of_links_only=True, value=value)
    names = frozenset({unquote(bare)})
    return Rule(where=where, names=names, inverted=inverted, of_links_only=True, value=value)


def _where(pattern: str, options: _Options) -> Where:
    sites, shapes = _addresses(pattern, case=options.case)
    if sites and options.sites:
        [site] = sites
        known = urls.host_keys(site.replace(".*", ".com")) if site.endswith(".*") else urls.host_keys(site)
        if options.sites.isdisjoint(known):
            raise _LeftOutError("only for links on certain pages (domain=)")
    return Where(sites or frozenset(options.sites), frozenset(options.not_sites), shapes)


def _addresses(pattern: str, *, case: bool) -> tuple[frozenset[str], tuple[Shape, ...]]:
    """Which addresses a pattern is for: its host, where it is anchored to one, and what else has to match."""
    if pattern.strip("*|") == "":
        return frozenset(), ()
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        return frozenset(), (Shape(pattern[1:-1], case=case),)
    shape = Shape(_expression(pattern), case=case)
    anchored = _ANCHORED.fullmatch(pattern.lower())
    if not anchored:
        return frozenset(), (shape,)
    alone = anchored["rest"] in ("^", "^*")
    return frozenset({anchored["host"]}), () if alone else (shape,)


def _expression(pattern: str) -> str:
    """A pattern as a regular expression: `||` and `|` anchor, `*` is anything, `^` a separator."""
    before, after = "", ""
    if pattern.startswith("||"):
        before, pattern = r"^[a-z][\w.+\-]*://(?:[^/?#]*\.)?", pattern[2:]
    elif pattern.startswith("|"):
        before, pattern = "^", pattern[1:]
    if pattern.endswith("|"):
        after, pattern = "$", pattern[:-1]
    pieces = {"*": ".*", "^": r"(?:[^\w.%\-]|$)"}
    return before + "".join(pieces.get(char) or re.escape(char) for char in pattern) + after
