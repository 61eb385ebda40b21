"""Who is judged by which rule of which version."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.policies import AsIf, Content, Numbers, Policies, Rule, Version, our_number
from calls.policy import DEFAULT, About, Judgement, Policy

LAX = Policy(start_grace_ms=9_000)
STRICT = Policy(start_grace_ms=0, late_grace_ms=1_000_000)

_FEW = [None, "a", "b", "+491", "+492"]
_ABOUT = st.builds(
    About,
    connection_id=st.sampled_from(_FEW),
    direction=st.sampled_from([None, "incoming", "outgoing", "sideways"]),
    from_number=st.sampled_from(_FEW),
    to_number=st.sampled_from(_FEW),
    tags=st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
)
_VALUES = st.frozensets(st.sampled_from(["a", "b"]), min_size=1)
_NUMBERS = st.builds(
    Numbers,
    st.frozensets(st.sampled_from(["a", "b", "+491", "+492"])),
    st.lists(st.sampled_from(["+", "+49", "+491", "a"]), max_size=2).map(tuple),
)
_RULES = st.builds(
    Rule,
    name=st.just("rule"),
    policy=st.sampled_from([LAX, STRICT]),
    connections=st.none() | _VALUES,
    directions=st.none() | st.frozensets(st.sampled_from(["incoming", "outgoing"]), min_size=1),
    numbers=st.none() | _NUMBERS,
    tags=st.none() | _VALUES,
)


def version(number: int, in_force_at: int, *rules: Rule, defaults: Policy = LAX) -> Version:
    """Make a version of a policy."""
    return Version(number, in_force_at, Content(rules, defaults))


def test_leg_is_judged_by_the_version_in_force_at_its_instant() -> None:
    """From the very instant on; before the first version, and where no instant is known, by the built-in policy."""
    policies = Policies((version(1, 10), version(2, 20, defaults=STRICT)))
    judged = {at: policies.judge(About(), at) for at in (None, 9, 10, 19, 20, 99)}
    assert {at: (each.policy, each.version) for at, each in judged.items()} == {
        None: (DEFAULT, 0),
        9: (DEFAULT, 0),
        10: (LAX, 1),
        19: (LAX, 1),
        20: (STRICT, 2),
        99: (STRICT, 2),
    }


def test_version_applied_later_is_in_force_even_where_its_clock_was_behind() -> None:
    """Otherwise what was applied last would never be in force."""
    policies = Policies((version(1, 30), version(2, 20)))
    assert [policies.judge(About(), at).version for at in (10, 20, 30, 40)] == [0, 2, 2, 2]


def test_first_rule_that_matches_counts() -> None:
    """And names itself; where none matches, the defaults of the version judge."""
    one = Rule("one", STRICT, tags=frozenset(("vip",)))
    two = Rule("two", LAX, connections=frozenset(("con-1", "con-2")))
    content = Content((one, two), DEFAULT)
    assert content.judge(About(connection_id="con-1", tags=("x", "vip")), 3) == Judgement(STRICT, 3, "one")
    assert content.judge(About(connection_id="con-2"), 3) == Judgement(LAX, 3, "two")
    assert content.judge(About(connection_id="con-3"), 3) == Judgement(DEFAULT, 3)


@pytest.mark.parametrize(
    ("direction", "number"), [("incoming", "called"), ("outgoing", "calling"), (None, None), ("sideways", None)]
)
def test_number_is_the_one_on_our_side(direction: str | None, number: str | None) -> None:
    """Called where the leg is incoming, calling where it is outgoing; the other party's is nobody's business here."""
    about = About(direction=direction, from_number="calling", to_number="called")
    assert our_number(about) == number
    for each in ("called", "calling"):
        assert Rule("r", LAX, numbers=Numbers(frozenset((each,)))).matches(about) is (each == number)


def test_prefix_matches_numbers_that_begin_with_it() -> None:
    """A whole number matches itself alone."""
    numbers = Numbers(frozenset(("+4930",)), ("+44", "sip:desk"))
    assert [numbers.have(each) for each in ("+4930", "+49301", "+4412", "+44", "sip:desk7@x", "+4", None)] == [
        *(True, False, True, True, True, False, False)
    ]


@given(rule=_RULES, other=_RULES, about=_ABOUT)
def test_rule_that_covers_another_matches_all_of_its_legs(rule: Rule, other: Rule, about: About) -> None:
    """There is no leg that the other matches and it does not."""
    if rule.covers(other) and other.matches(about):
        assert rule.matches(about)
    assert rule.covers(rule)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (Rule("w", LAX), Rule("n", LAX, tags=frozenset("a"))),
        (Rule("w", LAX, numbers=Numbers(prefixes=("+49",))), Rule("n", LAX, numbers=Numbers(frozenset(("+4930",))))),
        (Rule("w", LAX, numbers=Numbers(prefixes=("+49",))), Rule("n", LAX, numbers=Numbers(prefixes=("+4930",)))),
        (
            Rule("w", LAX, tags=frozenset("ab")),
            Rule("n", LAX, tags=frozenset("a"), directions=frozenset(("incoming",))),
        ),
    ],
)
def test_wider_rule_covers_the_narrower_and_not_the_reverse(wide: Rule, narrow: Rule) -> None:
    """So the narrower one is refused after it, and welcome before it."""
    assert wide.covers(narrow)
    assert not narrow.covers(wide)


def test_late_grace_is_the_longest_of_all() -> None:
    """Of the built-in policy, of any version, of any rule."""
    assert Policies().late_grace_us == DEFAULT.late_grace_us
    longer = replace(DEFAULT, late_grace_ms=2_000_000)
    policies = Policies((version(1, 0, Rule("r", longer)), version(2, 9, defaults=STRICT)))
    assert policies.late_grace_us == longer.late_grace_us


def test_version_can_judge_as_if_it_had_been_in_force_all_along() -> None:
    """Whatever the leg's instant."""
    judge = AsIf(version(4, 1_000))
    assert [judge.judge(About(), at) for at in (None, 0)] == [Judgement(LAX, 4)] * 2
