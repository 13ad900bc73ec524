"""Results of cleaning the sample cases, recorded with the version of the rules that gave them.

    python -m tests.support.recorded_results

records them, with the names of the rules. It refuses if results or names changed and `VERSION` did not:
stored articles would not be cleaned again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from feeds.cleaning import pack_schema, pipeline, recipe, rules
from feeds.config import yaml_file
from feeds.model.errors import ReadError
from tests.support.cleaning_samples import LINK, Case, cases

FOLDER = Path(__file__).parents[1] / "cleaning"
RECORD, PACK = FOLDER / "recorded_results.json", FOLDER / "recorded_pack.yaml"
COMMAND = "python -m tests.support.recorded_results"
RULES_FILE = "feeds/cleaning/rules/__init__.py"


def digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def result_of(case: Case, layers: list[pack_schema.Rules]) -> str:
    """Return a digest of everything that cleaning says of a case."""
    if rules_of_case := case.context.get("rules"):
        parsed = yaml_file.parse(rules_of_case, "case")
        layers = [*layers, yaml_file.validate(pack_schema.Rules, *parsed, "case")]
    try:
        body = pipeline.clean_body(
            case.html,
            link=case.context.get("link", LINK),
            recipe=recipe.build_recipe(layers),
            title=case.context.get("title", ""),
        )
    except ReadError as error:
        return digest(str(error))
    changes = [(change.rule, change.count, change.samples) for change in body.receipt.changes]
    enclosures = [(one.type, one.url) for one in body.enclosures]
    return digest(body.html, body.text, body.image, body.bylines, enclosures, body.stamp_time, changes)


def results() -> dict[str, str]:
    """Return a digest of the input and one of the result, by the case's file and title."""
    text = PACK.read_text(encoding="utf-8")
    pack = yaml_file.validate(pack_schema.Rules, *yaml_file.parse(text, PACK.name), PACK.name)
    return {
        f"{path.stem}: {case.title}": f"{digest(case.html, case.context, text)} {result_of(case, [pack])}"
        for path in sorted(FOLDER.joinpath("cases").glob("*.md"))
        for case in cases(path)
    }


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def rule_names() -> list[str]:
    """Return the names of the rules, in their order."""
    return [rule.name for rule in rules.RULES]


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the cases whose input is the recorded one, and whose result is not."""
    return [
        name
        for name in before.keys() & after.keys()
        if before[name] != after[name] and before[name].split()[0] == after[name].split()[0]
    ]


def main() -> None:
    after = results()
    before = recorded() if RECORD.exists() else {}
    names = sorted(changed(before.get("results", {}), after))
    if before.get("version") == rules.VERSION:
        if names:
            sys.exit(
                f"{len(names)} results changed, such as {names[0]!r}: raise VERSION in {RULES_FILE} first"
            )
        if before.get("rules", rule_names()) != rule_names():
            sys.exit(f"RULES in {RULES_FILE} changed: raise VERSION there first")
    record = {"version": rules.VERSION, "rules": rule_names(), "results": after}
    text = json.dumps(record, ensure_ascii=False, indent=1)
    RECORD.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
