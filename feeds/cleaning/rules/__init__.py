"""List the cleaning rules in their order.

Each rule changes the tree and returns the pieces that it changed. To add a rule: write one function over a
Page, and add its line here.

The order is part of the design. Boilerplate is removed before other rules look at the rest. URLs become
absolute before they are unwrapped, and final before repeated pictures are compared. Elements that other rules
left empty are removed last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from feeds.cleaning.rules import boilerplate, bylines, embeds, images, links, repair, tidy
from feeds.cleaning.rules.page import Page


class CleaningRule(NamedTuple):
    """A step of cleaning. Receipts and `off:` use its name, so names never change."""

    name: str
    apply: Callable[[Page], list[str]]
    about: str
    """What the rule does, without its subject, as pages and the playground show it in English."""


VERSION = 8
"""Version of the rules. Each change to their results raises it, and stored articles are cleaned again."""

RULES: tuple[CleaningRule, ...] = (
    CleaningRule("noscript", images.unwrap_noscript, "unwraps the content that pages show without scripts"),
    CleaningRule(
        "bylines", bylines.take_bylines, "removes elements that name the authors, and keeps the names"
    ),
    CleaningRule(
        "placeholders",
        embeds.replace_placeholders,
        "replaces elements that wait for a script by links to what they would show",
    ),
    CleaningRule(
        "drop", boilerplate.drop_elements, "removes elements that a pack names: ads, widgets, scripts, pixels"
    ),
    CleaningRule("asides", boilerplate.move_asides, "moves boxes that interrupt a text behind it"),
    CleaningRule("entities", repair.decode_twice_encoded, "decodes what was encoded twice"),
    CleaningRule("invisible", repair.remove_invisible, "removes characters without width"),
    CleaningRule(
        "passages", boilerplate.remove_passages, "removes passages that a pack names from plain text"
    ),
    CleaningRule(
        "footers", boilerplate.remove_footers, "removes blocks that a mirror appends, by their text"
    ),
    CleaningRule("endings", boilerplate.cut_endings, "cuts what a pack names from the end of a text"),
    CleaningRule(
        "embeds",
        embeds.replace_frames,
        "replaces frames by titled links, or keeps allowed ones in a sandbox",
    ),
    CleaningRule("emails", links.reveal_emails, "restores e-mail addresses that were hidden from programs"),
    CleaningRule(
        "lazy-images", images.resolve_lazy_pictures, "gives pictures that wait for a script their address"
    ),
    CleaningRule("unlink", links.unlink, "replaces links that a site adds automatically by their text"),
    CleaningRule(
        "addresses", links.fix_addresses, "makes addresses absolute, and removes those that lead nowhere"
    ),
    CleaningRule("emoji", images.replace_emoji, "replaces pictures of characters by the characters"),
    CleaningRule("image-proxies", images.unproxy, "takes pictures from their publisher, not through a proxy"),
    CleaningRule(
        "referrers",
        images.suppress_referrers,
        "requests pictures without a referrer from hosts that refuse other sites",
    ),
    CleaningRule(
        "page-links",
        links.link_to_pages,
        "replaces links to a publisher's data interface by links to the page",
    ),
    CleaningRule("redirects", links.unwrap_redirects, "replaces redirects by the links that they lead to"),
    CleaningRule("tracking", links.remove_tracking, "removes parameters that only track from links"),
    CleaningRule("foreign", tidy.unwrap_foreign, "unwraps elements that feeds do not know"),
    CleaningRule("emphasis", repair.make_bold, "makes a block bold that is bold in Markdown"),
    CleaningRule("captions", images.make_captions, "makes a figure of a picture and its flattened caption"),
    CleaningRule("repeated-images", images.remove_repeated, "removes repeated pictures"),
    CleaningRule("media", embeds.collect_media, "adds audio and video as enclosures"),
    CleaningRule("paragraph", repair.wrap_text, "puts text that is in no block into a paragraph"),
    CleaningRule(
        "stamp", bylines.remove_stamps, "removes a date at the top of the body; its byline becomes the author"
    ),
    CleaningRule(
        "repeated-title", tidy.remove_repeated_title, "removes a heading that only repeats the title"
    ),
    CleaningRule("line-ends", repair.remove_line_ends, "removes line ends between Chinese characters"),
    CleaningRule(
        "lists",
        repair.wrap_list_items,
        "puts loose list items, and links that would run together, into lists",
    ),
    CleaningRule("breaks", tidy.trim_breaks, "removes line breaks at both ends of a block"),
    CleaningRule("wrappers", tidy.unwrap_boxes, "unwraps boxes that only contain other blocks"),
    CleaningRule("empty", tidy.remove_empty, "removes elements without content"),
)

RULE_NAMES = frozenset(rule.name for rule in RULES)
