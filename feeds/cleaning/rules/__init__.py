"""The cleaning rules in their order. Each rule changes the tree and returns the pieces that it changed.

To add a rule: write one function over a Page, and add its line here. The order is part of the design.
Boilerplate is removed before other rules look at the rest. URLs become absolute before they are unwrapped,
and final before repeated pictures are compared. Elements that other rules left empty are removed last.
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


VERSION = 7
"""Version of the rules. Each change to their results raises it, and stored articles are cleaned again."""

RULES: tuple[CleaningRule, ...] = (
    CleaningRule("noscript", images.unwrap_noscript, "what a page shows without scripts is content"),
    CleaningRule(
        "bylines", bylines.take_bylines, "elements that name the authors go; the names become the authors"
    ),
    CleaningRule(
        "placeholders",
        embeds.replace_placeholders,
        "elements that wait for a script become links to what they show",
    ),
    CleaningRule(
        "drop", boilerplate.drop_elements, "elements that a pack names: ads, widgets, scripts, pixels"
    ),
    CleaningRule("asides", boilerplate.move_asides, "boxes that interrupt a text go behind it"),
    CleaningRule("entities", repair.decode_twice_encoded, "what was encoded twice is decoded"),
    CleaningRule("invisible", repair.remove_invisible, "characters of no width go"),
    CleaningRule("passages", boilerplate.remove_passages, "what a pack names goes from a body of plain text"),
    CleaningRule("footers", boilerplate.remove_footers, "blocks that a mirror appends, by their text"),
    CleaningRule("endings", boilerplate.cut_endings, "what a pack names is cut from the end of a text"),
    CleaningRule(
        "embeds",
        embeds.replace_frames,
        "frames become titled links, or stay in a sandbox where that is allowed",
    ),
    CleaningRule("emails", links.reveal_emails, "addresses that were hidden from programs are shown"),
    CleaningRule(
        "lazy-images", images.resolve_lazy_pictures, "pictures that wait for a script get their address"
    ),
    CleaningRule("unlink", links.unlink, "links that a site's system set by itself are only their text"),
    CleaningRule("addresses", links.fix_addresses, "addresses become absolute; those that lead nowhere go"),
    CleaningRule("emoji", images.replace_emoji, "pictures of characters become the characters"),
    CleaningRule("image-proxies", images.unproxy, "pictures come from their publisher, not through a proxy"),
    CleaningRule(
        "referrers",
        images.suppress_referrers,
        "pictures of hosts that want no referrer are asked for without",
    ),
    CleaningRule("page-links", links.link_to_pages, "links to a publisher's data interface lead to the page"),
    CleaningRule("redirects", links.unwrap_redirects, "links lead to where their redirects would"),
    CleaningRule("tracking", links.remove_tracking, "parameters that only track are taken out of links"),
    CleaningRule("foreign", tidy.unwrap_foreign, "elements that no feed knows are unwrapped"),
    CleaningRule("emphasis", repair.make_bold, "a block that is bold in Markdown is bold"),
    CleaningRule("captions", images.make_captions, "a picture and its flattened caption become a figure"),
    CleaningRule("repeated-images", images.remove_repeated, "a picture that stands twice stands once"),
    CleaningRule("media", embeds.collect_media, "audio and video become enclosures"),
    CleaningRule("paragraph", repair.wrap_text, "text that stands in no block is a paragraph"),
    CleaningRule(
        "stamp", bylines.remove_stamps, "a date at the top of the body; its byline becomes the author"
    ),
    CleaningRule("repeated-title", tidy.remove_repeated_title, "a heading that only repeats the title goes"),
    CleaningRule("line-ends", repair.remove_line_ends, "line ends between Chinese characters are no blanks"),
    CleaningRule(
        "lists",
        repair.wrap_list_items,
        "list items outside of any list get one, and links that would run together",
    ),
    CleaningRule("breaks", tidy.trim_breaks, "breaks at both ends of a block go"),
    CleaningRule("wrappers", tidy.unwrap_boxes, "boxes that only hold other blocks are taken away"),
    CleaningRule("empty", tidy.remove_empty, "elements that hold nothing go"),
)

RULE_NAMES = frozenset(rule.name for rule in RULES)
