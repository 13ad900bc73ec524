"""What cleaning does, in order: tree to tree, each rule answering the pieces that it removed or changed.

To add a rule: one function over a Page, and its line here. The order is part of the design: furniture goes
before anything looks at what is left, addresses are absolute before they are unwrapped and final before
repeated pictures are compared, and what the others emptied goes last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from feeds.cleaning.rules import boilerplate, bylines, embeds, images, links, repair, tidy
from feeds.cleaning.rules.page import Page


class Rule(NamedTuple):
    """A step of cleaning; its name stands in receipts and in `off:`."""

    name: str
    apply: Callable[[Page], list[str]]
    about: str


VERSION = 7
"""Raised with every change to what the rules do, so that stored articles are cleaned again."""

RULES: tuple[Rule, ...] = (
    Rule("noscript", images.noscript, "what a page shows without scripts is content"),
    Rule("bylines", bylines.named, "elements that name the authors go; the names become the authors"),
    Rule(
        "placeholders", embeds.placeholders, "elements that wait for a script become links to what they show"
    ),
    Rule("drop", boilerplate.drop, "elements that a pack names: ads, widgets, scripts, pixels"),
    Rule("asides", boilerplate.asides, "boxes that interrupt a text go behind it"),
    Rule("entities", repair.entities, "what was encoded twice is decoded"),
    Rule("invisible", repair.invisible, "characters of no width go"),
    Rule("passages", boilerplate.passages, "what a pack names goes from a body of plain text"),
    Rule("footers", boilerplate.footers, "blocks that a mirror appends, by their text"),
    Rule("endings", boilerplate.endings, "what a pack names is cut from the end of a text"),
    Rule("embeds", embeds.frames, "frames become titled links, or stay in a sandbox where that is allowed"),
    Rule("emails", links.emails, "addresses that were hidden from programs are shown"),
    Rule("lazy-images", images.lazy, "pictures that wait for a script get their address"),
    Rule("unlink", links.unlink, "links that a site's system set by itself are only their text"),
    Rule("addresses", links.addresses, "addresses become absolute; those that lead nowhere go"),
    Rule("emoji", images.emoji, "pictures of characters become the characters"),
    Rule("image-proxies", images.unproxy, "pictures come from their publisher, not through a proxy"),
    Rule("referrers", images.referrers, "pictures of hosts that want no referrer are asked for without"),
    Rule("page-links", links.pages, "links to a publisher's data interface lead to the page"),
    Rule("redirects", links.redirects, "links lead to where their redirects would"),
    Rule("tracking", links.tracking, "parameters that only track are taken out of links"),
    Rule("foreign", tidy.foreign, "elements that no feed knows are unwrapped"),
    Rule("emphasis", repair.emphasis, "a block that is bold in Markdown is bold"),
    Rule("captions", images.captions, "a picture and its flattened caption become a figure"),
    Rule("repeated-images", images.repeated, "a picture that stands twice stands once"),
    Rule("media", embeds.media, "audio and video become enclosures"),
    Rule("paragraph", repair.paragraph, "text that stands in no block is a paragraph"),
    Rule("stamp", bylines.stamp, "a date at the top of the body; its byline becomes the author"),
    Rule("repeated-title", tidy.repeated_title, "a heading that only repeats the title goes"),
    Rule("line-ends", repair.line_ends, "line ends between Chinese characters are no blanks"),
    Rule("lists", repair.lists, "list items outside of any list get one, and links that would run together"),
    Rule("breaks", tidy.breaks, "breaks at both ends of a block go"),
    Rule("wrappers", tidy.wrappers, "boxes that only hold other blocks are taken away"),
    Rule("empty", tidy.empty, "elements that hold nothing go"),
)

NAMES = frozenset(rule.name for rule in RULES)
