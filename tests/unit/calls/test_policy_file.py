"""A policy file is read as it is meant, or refused with the line of its first mistake and a stable reason."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import policy_file
from calls.policies import Content, Numbers, Rule
from calls.policy import DEFAULT, Policy
from calls.policy_file import PolicyRefused

ROOT = Path(__file__).parents[3]

FULL = """
# Who is recorded.
[defaults]
late_grace_ms = 600_000
accepted_sources = ["siprec"]

[[rule]]
name = "private lines"
direction = "outgoing"
number = ["+4930111", "+4930222*", "sip:desk*"]
record = "must_not"

[[rule]]
name = "desk"
connection = ["con-1", "con-2"]
tag = "regulated"
record = "must"
min_duration_ms = 2_000
start_grace_ms = 0

[[rule]]
name = "the rest"
record = "free"
"""


def refused(document: str) -> tuple[int, str, str]:
    """Read what has a mistake; gives the line, the reason and the sentence."""
    with pytest.raises(PolicyRefused) as refusal:
        policy_file.read(document)
    said = str(refusal.value)
    assert "\n" not in said
    assert said.startswith(f"line {refusal.value.line}: ")
    return refusal.value.line, refusal.value.reason, said


def test_every_key_is_read_as_it_is_meant() -> None:
    """Rules take the defaults and say what is otherwise."""
    defaults = Policy(late_grace_ms=600_000, accepted_sources=("siprec",))
    assert policy_file.read(FULL) == Content(
        rules=(
            Rule(
                "private lines",
                Policy(in_scope=False, must_not_record=True, late_grace_ms=600_000, accepted_sources=("siprec",)),
                directions=frozenset(("outgoing",)),
                numbers=Numbers(frozenset(("+4930111",)), ("+4930222", "sip:desk")),
            ),
            Rule(
                "desk",
                Policy(late_grace_ms=600_000, accepted_sources=("siprec",), min_duration_ms=2_000, start_grace_ms=0),
                connections=frozenset(("con-1", "con-2")),
                tags=frozenset(("regulated",)),
            ),
            Rule("the rest", Policy(in_scope=False, late_grace_ms=600_000, accepted_sources=("siprec",))),
        ),
        defaults=defaults,
    )


@pytest.mark.parametrize("document", ["", "# nothing yet\n", "[defaults]\n"])
def test_nothing_said_is_the_built_in_policy(document: str) -> None:
    """Every leg must be recorded."""
    assert policy_file.read(document) == Content((), DEFAULT)


def test_example_of_the_documents_is_read() -> None:
    """What people copy from the manual works, and every key of a policy is in it."""
    text = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(policy_file.read(example).rules) > 3
    for key in (*policy_file.SETTINGS, *policy_file.CONDITIONS, *policy_file.OBLIGATIONS, *policy_file.TRACKS):
        assert f"`{key}`" in text
    for reason in re.findall(r'"(policy_\w+)"', Path(policy_file.__file__).read_text(encoding="utf-8")):
        assert f"`{reason}`" in text


RULE = '[[rule]]\nname = "a"\nrecord = "must"\n'
MISTAKES = {
    "no TOML": ("[defaults]\nlate_grace_ms = = 5", 2, "policy_syntax"),
    "a text without end": ('[defaults]\n\nx = """\n\n', 3, "policy_syntax"),
    "a key twice": ("[defaults]\nlate_grace_ms = 5\nlate_grace_ms = 6\n", 3, "policy_syntax"),
    "a table twice": ("[defaults]\n\n[defaults]\n", 3, "policy_syntax"),
    "too deep": (f"\nx = {'[' * 5_000}\n", 2, "policy_syntax"),
    "too long a number": (f"[defaults]\n# so\nlate_grace_ms = {'9' * 5_000}\n", 3, "policy_syntax"),
    "an unknown table": (f"{RULE}\n[default]\nlate_grace_ms = 5\n", 5, "policy_unknown_key"),
    "an unknown default": ("[defaults]\nstop_tolerance_ms = 1\nlate_grace = 5\n", 3, "policy_unknown_key"),
    "an unknown key of a rule": (f'{RULE}\n[[rule]]\nnumbers = "+1"\n', 6, "policy_unknown_key"),
    "a condition in the defaults": ('[defaults]\ntag = "x"\n', 2, "policy_unknown_key"),
    "scope by another name": ("[defaults]\n\nin_scope = false\n", 3, "policy_unknown_key"),
    "a rule in single brackets": ('[rule]\nname = "a"\n', 1, "policy_wrong_type"),
    "a rule that is a number": ("rule = [1]\n", 1, "policy_wrong_type"),
    "a duration in quotes": ('[defaults]\nlate_grace_ms = "5"\n', 2, "policy_wrong_type"),
    "a duration that is a switch": ("[defaults]\nlate_grace_ms = true\n", 2, "policy_wrong_type"),
    "half a millisecond": ("[defaults]\nlate_grace_ms = 0.5\n", 2, "policy_wrong_type"),
    "a name that is a number": ('[[rule]]\nrecord = "must"\nname = 5\n', 3, "policy_wrong_type"),
    "a connection without quotes": (f"{RULE}connection = 16_000\n", 4, "policy_wrong_type"),
    "a list with a number in it": (f'{RULE}tag = [\n  "x",\n  5,\n]\n', 4, "policy_wrong_type"),
    "a negative duration": ("[defaults]\nlate_grace_ms = -1\n", 2, "policy_bad_value"),
    "an endless duration": ("[defaults]\nlate_grace_ms = 604_800_001\n", 2, "policy_bad_value"),
    "an unknown obligation": ('[[rule]]\nname = "a"\n\nrecord = "should"\n', 4, "policy_bad_value"),
    "an unknown direction": (f'{RULE}direction = "inbound"\n', 4, "policy_bad_value"),
    "an unknown source": ('[defaults]\naccepted_sources = ["siprec", "tape"]\n', 2, "policy_bad_value"),
    "no source": ("[defaults]\naccepted_sources = []\n", 2, "policy_bad_value"),
    "an unknown track": ('[defaults]\nrequired_track = "both"\n', 2, "policy_bad_value"),
    "an empty list": (f"{RULE}connection = []\n", 4, "policy_bad_value"),
    "an empty text": (f'{RULE}tag = ["x", ""]\n', 4, "policy_bad_value"),
    "an empty name": ('[[rule]]\nname = " "\nrecord = "must"\n', 2, "policy_bad_value"),
    "a number with spaces": (f'{RULE}number = "+49 30 1"\n', 4, "policy_bad_value"),
    "a star in the middle": (f'{RULE}number = "+49*1"\n', 4, "policy_bad_value"),
    "only a star": (f'{RULE}number = "*"\n', 4, "policy_bad_value"),
    "a rule without a name": (f'{RULE}tag = "x"\n\n[[rule]]\nrecord = "must"\n', 6, "policy_key_missing"),
    "a rule that asks nothing": ('\n[[rule]]\nname = "a"\n', 2, "policy_key_missing"),
    "two rules of one name": (f'{RULE}tag = "x"\n{RULE}', 6, "policy_rule_repeated"),
    "a rule after one for all": (
        f'{RULE}\n[[rule]]\nname = "b"\nrecord = "must"\ntag = "x"',
        5,
        "policy_rule_never_matches",
    ),
    "a number after its prefix": (
        f'{RULE}number = "+49*"\n[[rule]]\nname = "b"\nrecord = "free"\nnumber = "+4930"\n',
        *(5, "policy_rule_never_matches"),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_with_its_line_and_reason(mistake: str) -> None:
    """One sentence, whatever it is."""
    document, line, reason = MISTAKES[mistake]
    assert refused(document)[:2] == (line, reason)


def test_key_that_is_nearly_right_is_suggested() -> None:
    """Most mistakes are typing errors."""
    assert "did you mean late_grace_ms?" in refused("[defaults]\nlate_grace = 5\n")[2]


def test_no_number_is_repeated_in_a_refusal() -> None:
    """Whose number it is goes into no log."""
    assert not re.search(r"\d{3}", refused(f'{RULE}number = "+49 30 1234567"\n')[2].partition(": ")[2])


def test_file_that_is_no_text_is_refused() -> None:
    """With the line on which it stops being one; and one that is too large whole."""
    with pytest.raises(PolicyRefused, match=r"^line 3: this is no text in UTF-8$"):
        policy_file.decode(b"# a\n# b\n\xff\n")
    with pytest.raises(PolicyRefused) as refusal:
        policy_file.decode(b"#" * (policy_file.BYTES_MAX + 1))
    assert refusal.value.reason == "policy_too_large"


_NOISE = st.text(st.sampled_from("[]{}\"'#=\\\n .,ax5_"), max_size=30) | st.text(max_size=20)


@given(parts=st.lists(st.sampled_from(FULL.splitlines(keepends=True)) | _NOISE, max_size=12))
def test_whatever_is_written_is_read_or_refused_with_a_line_of_it(parts: list[str]) -> None:
    """Nothing else comes out, and the line is one that the document has."""
    document = "".join(parts)
    with suppress(PolicyRefused):
        assert policy_file.read(document)
        return
    assert 1 <= refused(document)[0] <= document.count("\n") + 1


_POLICIES = st.builds(
    Policy,
    accepted_sources=st.sampled_from([("siprec",), ("native",), ("siprec", "native")]),
    required_track=st.sampled_from(policy_file.TRACKS),
    **dict.fromkeys(policy_file.DURATIONS, st.integers(0, policy_file.MS_MAX)),
)


@given(policy=_POLICIES)
def test_policy_that_is_written_reads_as_the_same(policy: Policy) -> None:
    """So the built-in one can be shown, and be where one's own begins."""
    assert policy_file.read(policy_file.write(policy)) == Content((), policy)
