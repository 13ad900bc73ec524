"""Parse the `$removeparam` rules of AdGuard's and uBlock Origin's filter lists.

The format is documented in AdGuard's knowledge base, "How to create your own ad filters", and in uBlock
Origin's wiki, "Static filter syntax". A link counts as a request for a document that comes from no page:
rules for other kinds of requests or for requests from certain pages are counted and left out. `domain=` is
compared with the address of the link, as the blockers do for documents. Conditions (`!#if`) are not
evaluated: the rules between them apply.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import unquote

from feeds.cleaning.tracking_lists.rule import (
    Exemption,
    ParameterRule,
    Regex,
    RuleError,
    Scope,
    TrackingList,
    printable,
)
from feeds.model.errors import ConfigError
from feeds.text import urls

_MAX_RULES = 200_000
_MAX_LINE_CHARACTERS = 8_000
_LINE = re.compile(
    r"(?P<allow>@@)?(?P<pattern>.*?)\$"
    r"(?P<options>(?:[~\w\-]+(?:=[^,$]*)?,)*(?:removeparam|queryprune)(?:[=,](?s:.*))?)"
)
_SITE = re.compile(r"[\w\-]+(?:\.[\w\-]+)*(?:\.\*)?")
_ANCHORED = re.compile(r"\|\|(?P<host>[\w\-]+(?:\.[\w\-]+)*(?:\.\*|\.[a-z][\w\-]+))(?P<rest>[\^/:?].*)")
_DOCUMENTS = frozenset({"all", "doc", "document"})
_OTHER_REQUEST_TYPES = frozenset(
    "css font frame image inline-font inline-script media object other ping popup script stylesheet "
    "subdocument webrtc websocket xhr xmlhttprequest".split()
)
_REGEX_START = re.compile("=~?/")
_IGNORED_OPTION = re.compile(r"important|_+")


class _NotForLinksError(Exception):
    """A rule is valid, but not for links; the text is the reason."""


@dataclass(slots=True)
class _Options:
    """The options of a rule, after the `$`."""

    value: str = ""
    match_case: bool = False
    is_badfilter: bool = False
    sites: set[str] = field(default_factory=set)
    not_sites: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    """All options but `badfilter`, as written. A `badfilter` rule disables the rule with the same ones."""


def read(text: str, name: str, digest: str) -> TrackingList:
    """Parse a filter list; unusable rules are reported in the result.

    Raises ConfigError if the text has no rule with `$removeparam`, or more than 200,000.
    """
    rules: dict[tuple[str, str, frozenset[str]], ParameterRule | Exemption] = {}
    badfilters = set()
    unusable: list[str] = []
    left_out: Counter[str] = Counter()
    rule_number = 0
    for number, line in enumerate(text.splitlines(), 1):
        match = _match_rule(line.strip())
        if match is None:
            continue
        rule_number += 1
        if rule_number > _MAX_RULES:
            raise ConfigError(f"{name}:{number}: more than {_MAX_RULES} rules")
        try:
            options = _parse_options(match["options"])
            key = (match["allow"] or "", match["pattern"], frozenset(options.others))
            if options.is_badfilter:
                badfilters.add(key)
            else:
                rules[key] = _build_rule(match["pattern"], options, allow=bool(match["allow"]))
        except _NotForLinksError as reason:
            left_out[printable(str(reason))] += 1
        except RuleError as error:
            unusable.append(printable(f"{name}:{number}: {error}"))
    if not rule_number:
        raise ConfigError(
            f"{name}:1: neither ClearURLs' data.min.json nor a filter list with rules that have $removeparam"
        )
    used = [rule for key, rule in rules.items() if key not in badfilters]
    return TrackingList(
        name=name,
        format="filter list",
        digest=digest,
        rules=tuple(rule for rule in used if isinstance(rule, ParameterRule)),
        exemptions=tuple(rule for rule in used if isinstance(rule, Exemption)),
        rule_count=len(used),
        unusable=tuple(unusable),
        left_out=dict(sorted(left_out.items())),
    )


def _match_rule(line: str) -> re.Match[str] | None:
    """Match a line with `$removeparam`; None for comments, headers and other rules."""
    if len(line) > _MAX_LINE_CHARACTERS or line.startswith(("!", "#", "[")):
        return None
    if "removeparam" not in line and "queryprune" not in line:
        return None
    return _LINE.fullmatch(line)


def _parse_options(text: str) -> _Options:
    options = _Options()
    kinds = set()
    for option in _split_options(text):
        key, _, value = option.partition("=")
        is_positive = not key.startswith("~")
        key = key.removeprefix("~").lower()
        if key == "badfilter":
            options.is_badfilter = True
            continue
        options.others.append(option)
        if key in ("removeparam", "queryprune") and is_positive:
            options.value = value
        elif key in ("domain", "from", "to") and is_positive and value:
            _add_sites(options, key, value.lower())
        elif key == "denyallow" and is_positive and value:
            options.not_sites.update(value.lower().split("|"))
        elif key == "match-case" and is_positive:
            options.match_case = True
        elif key in _DOCUMENTS or key in _OTHER_REQUEST_TYPES:
            if is_positive:
                kinds.add(key)
            elif key in _DOCUMENTS:
                raise _NotForLinksError("not for documents")
        elif not _IGNORED_OPTION.fullmatch(key):
            raise _NotForLinksError(f"with the option {key}")
    if kinds and kinds.isdisjoint(_DOCUMENTS):
        raise _NotForLinksError(f"only for {', '.join(sorted(kinds))}")
    return options


def _split_options(text: str) -> list[str]:
    """Split options at commas, except those within a regular expression."""
    options: list[str] = []
    for piece in re.split(r"(?<!\\),", text):
        if options and re.match(r"(?:removeparam|queryprune)=~?/", options[-1]) and _is_open(options[-1]):
            options[-1] += f",{piece}"
        else:
            options.append(piece)
    return options


def _is_open(option: str) -> bool:
    """Return whether an option has a regular expression that does not end.

    It begins with `=/…` or `=~/…` and has neither `…/` nor `…/i` at its end.
    """
    start = _REGEX_START.search(option)
    end = len(option.removesuffix("i")) - 1  # of the last `/`, before which is a character but a backslash
    return start is None or end <= start.end() or option[end] != "/" or option[end - 1] == "\\"


def _add_sites(options: _Options, key: str, value: str) -> None:
    for site in value.split("|"):
        name = site.removeprefix("~")
        if not _SITE.fullmatch(name):
            raise _NotForLinksError(f"with a pattern in {key}=")
        (options.not_sites if site.startswith("~") else options.sites).add(name)


def _build_rule(pattern: str, options: _Options, *, allow: bool) -> ParameterRule | Exemption:
    scope = _build_scope(pattern, options)
    value = options.value
    if allow:
        return Exemption(scope, value)
    bare = value.removeprefix("~")
    is_inverted = bare != value
    if (is_inverted or not value) and scope.is_everywhere:
        raise RuleError(f"would remove parameters from every address: ${'removeparam=' + value}")
    if bare.startswith("|"):
        raise RuleError(f"this old form is not supported: {value}")
    if not bare:
        return ParameterRule(scope=scope, is_inverted=True, links_only=True, value=value)
    expression = re.fullmatch("/(.+)/(i?)", bare)
    if expression:
        regex = Regex(expression[1].replace(r"\,", ","), match_case=not expression[2])
        return ParameterRule(
            scope=scope, regexes=(regex,), is_inverted=is_inverted, links_only=True, value=value
        )
    names = frozenset({unquote(bare)})
    return ParameterRule(scope=scope, names=names, is_inverted=is_inverted, links_only=True, value=value)


def _build_scope(pattern: str, options: _Options) -> Scope:
    sites, regexes = _parse_pattern(pattern, match_case=options.match_case)
    if sites and options.sites:
        [site] = sites
        known = urls.host_keys(site.replace(".*", ".com")) if site.endswith(".*") else urls.host_keys(site)
        if options.sites.isdisjoint(known):
            raise _NotForLinksError("only for links on certain pages (domain=)")
    return Scope(sites or frozenset(options.sites), frozenset(options.not_sites), regexes)


def _parse_pattern(pattern: str, *, match_case: bool) -> tuple[frozenset[str], tuple[Regex, ...]]:
    """Return the host to which a pattern is anchored, and a regex for the rest.

    Either can be empty.
    """
    if pattern.strip("*|") == "":
        return frozenset(), ()
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        return frozenset(), (Regex(pattern[1:-1], match_case=match_case),)
    regex = Regex(_to_regex(pattern), match_case=match_case)
    anchored = _ANCHORED.fullmatch(pattern.lower())
    if not anchored:
        return frozenset(), (regex,)
    is_host_only = anchored["rest"] in ("^", "^*")
    return frozenset({anchored["host"]}), () if is_host_only else (regex,)


def _to_regex(pattern: str) -> str:
    """Translate a pattern to a regex: `||` and `|` anchor, `*` matches anything.

    `^` matches a separator.
    """
    before, after = "", ""
    if pattern.startswith("||"):
        before, pattern = r"^[a-z][\w.+\-]*://(?:[^/?#]*\.)?", pattern[2:]
    elif pattern.startswith("|"):
        before, pattern = "^", pattern[1:]
    if pattern.endswith("|"):
        after, pattern = "$", pattern[:-1]
    pieces = {"*": ".*", "^": r"(?:[^\w.%\-]|$)"}
    return before + "".join(pieces.get(char) or re.escape(char) for char in pattern) + after
