"""Whoever changes what the rules do raises their VERSION, so that stored articles are cleaned again."""

from __future__ import annotations

from feeds.cleaning import rules
from tests.support.recorded_results import (
    COMMAND,
    RECORD,
    RULES_FILE,
    changed,
    recorded,
    results,
    rule_names,
)


def test_results_change_only_with_the_version_of_the_rules() -> None:
    record = recorded()
    assert record["version"] == rules.VERSION, (
        f"{RULES_FILE} has VERSION {rules.VERSION}, tests/cleaning/{RECORD.name} is of {record['version']}: "
        f"record the results of this version with `{COMMAND}`"
    )
    after = results()
    names = sorted(changed(record["results"], after))
    assert not names, (
        f"cleaning gives another result for {len(names)} of {len(after)} sample cases, but stored articles "
        f"are cleaned again only with another VERSION: raise it in {RULES_FILE}, and record the results "
        f"with `{COMMAND}`. The cases: {'; '.join(names[:5])}"
    )


def test_rules_are_added_moved_and_removed_only_with_the_version_of_the_rules() -> None:
    assert recorded()["rules"] == rule_names(), (
        f"the names or the order of RULES in {RULES_FILE} changed, but stored articles are cleaned again "
        f"only with another VERSION: raise it in {RULES_FILE}, and record it in tests/cleaning/{RECORD.name} "
        f"with `{COMMAND}`"
    )


def test_most_cases_are_recorded() -> None:
    inputs = {name: digests.split()[0] for name, digests in recorded()["results"].items()}
    after = results()
    known = [name for name, digests in after.items() if inputs.get(name) == digests.split()[0]]
    assert len(known) > len(after) / 2, f"record the new and the changed cases with `{COMMAND}`"


def test_a_changed_result_is_found_and_a_changed_case_is_not_taken_for_one() -> None:
    before = {"same": "1 a", "another result": "1 a", "another input": "1 a", "removed": "1 a"}
    after = {"same": "1 a", "another result": "1 b", "another input": "2 b", "added": "1 a"}
    assert changed(before, after) == ["another result"]
