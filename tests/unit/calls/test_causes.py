"""Cause values of every form, the invariants of domain 2, and the published edge cases."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import cause_tables, causes

EDGE_CASES = Path(__file__).parents[4] / "shared" / "data" / "edge_cases.json"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def fields(raw: object, *, sip_field: bool = False) -> tuple[str, str, str | None, int | None]:
    """Give (form, namespace, name, q850_code) of a value, as most tests compare them."""
    cause = causes.normalise(raw, sip_field=sip_field)
    return cause.form, cause.namespace, cause.name, cause.q850_code


def edge_cases() -> Iterator[Any]:
    """Yield every published (id, raw, expected) about causes."""
    for case in json.loads(EDGE_CASES.read_text()) if EDGE_CASES.exists() else []:
        if expected := case["expect"].get("cause"):
            yield pytest.param(expected["raw"], expected, id=case["id"])
        for row in case["expect"].get("siprec_sessions", []):
            expected = {"q850_code" if k == "cause_q850" else k[6:]: row[k] for k in row if k.startswith("cause_")}
            if "raw" in expected:
                yield pytest.param(expected["raw"], expected, id=f"{case['id']}-row")


@pytest.mark.skipif(not EDGE_CASES.exists(), reason="../shared is not here")
@pytest.mark.parametrize(("raw", "expected"), list(edge_cases()))
def test_normalise_when_the_case_is_published(raw: object, expected: dict[str, object]) -> None:
    """Every published cause case comes out as it says."""
    cause = causes.normalise(raw)
    assert {key: as_json(getattr(cause, key)) for key in expected} == expected


def as_json(value: object) -> object:
    """Write tuples as the lists that cases hold."""
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("raw", [None, "", "  \t\n"])
def test_normalise_when_nothing_is_given(raw: object) -> None:
    """An absent cause is neither unknown nor normal."""
    cause = causes.normalise(raw)
    assert (cause.form, cause.name, cause.namespace, cause.fault_domain) == ("absent", None, "none", "absent")
    assert cause.raw == raw


@pytest.mark.parametrize("raw", [True, False, 16.0, [16], {"cause": 16}, float("nan")])
def test_normalise_when_the_type_is_wrong(raw: object) -> None:
    """Only texts and whole numbers are read; whatever compares equal to one is not."""
    assert [causes.normalise(number).form for number in (1, 0, 16)] == ["numeric"] * 3
    assert fields(raw) == ("unparsed", "unknown", "UNKNOWN", None)
    assert causes.normalise(raw).raw is raw


@pytest.mark.parametrize(
    ("number", "namespace", "name", "q850"),
    [
        (0, "freeswitch", "NONE", None),
        (8, "q850", "PREEMPTION", 8),
        (9, "q850", "PREEMPTION_CIRCUIT_RESERVED_FOR_REUSE", 9),
        (47, "q850", "RESOURCE_UNAVAILABLE_UNSPECIFIED", 47),
        (41, "q850", "NORMAL_TEMPORARY_FAILURE", 41),
        (10, "q850_unassigned", "Q850_10", 10),
        (52, "q850_unassigned", "Q850_52", 52),
        (127, "q850", "INTERWORKING", 127),
        (128, "unknown", "UNKNOWN", None),
        (142, "freeswitch", "SUCCESS", None),
        (180, "sip", "SIP_180", None),
        (201, "unknown", "UNKNOWN", None),
        (486, "sip", "SIP_486", None),
        (487, "freeswitch", "ORIGINATOR_CANCEL", None),
        (603, "sip", "SIP_603", None),
        (699, "sip", "SIP_699", None),
        (704, "unknown", "UNKNOWN", None),
        (804, "freeswitch", "MEDIA_TIMEOUT", None),
        (9999, "unknown", "UNKNOWN", None),
    ],
)
def test_normalise_when_the_number_is_bare(number: int, namespace: str, name: str | None, q850: int | None) -> None:
    """A bare number is read by range, the same as JSON number and as text."""
    form = "unparsed" if name == "UNKNOWN" else "numeric"
    assert fields(number) == fields(f" {number:03} ") == (form, namespace, name, q850)


@pytest.mark.parametrize(
    ("raw", "alternatives"),
    [
        (487, ("sip:487",)),
        (500, ("freeswitch<1.10.8:CRASH",)),
        ("603", ("freeswitch<1.10.8:USER_CHALLENGE",)),
        (624, ("freeswitch<1.10.8:STALE_DATE",)),
        (100, ()),
        (45, ()),
        (504, ()),
        (17, ()),
    ],
)
def test_normalise_when_a_number_has_two_readings(raw: object, alternatives: tuple[str, ...]) -> None:
    """A number two worlds use is flagged, with the other reading."""
    cause = causes.normalise(raw)
    assert (cause.alternatives, cause.ambiguous) == (alternatives, bool(alternatives))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (487, ("numeric", "sip", "SIP_487", None)),
        ("603", ("numeric", "sip", "SIP_603", None)),
        (100, ("numeric", "sip", "SIP_100", None)),
        ("unspecified", ("name", "telnyx", "UNSPECIFIED", None)),
        (17, ("unparsed", "unknown", "UNKNOWN", None)),
        ("503 - Service Unavailable", ("number_and_name", "sip", "SIP_503", None)),
    ],
)
def test_normalise_when_the_field_is_a_sip_field(raw: object, expected: object) -> None:
    """In a SIP field a number is a SIP status and nothing else."""
    assert fields(raw, sip_field=True) == expected


@pytest.mark.parametrize("raw", ["sip:503", "SIP:503", " sip:503\n"])
def test_normalise_when_the_text_has_the_sip_prefix(raw: object) -> None:
    """``sip:NNN`` is a SIP status."""
    assert fields(raw) == ("sip_prefixed", "sip", "SIP_503", None)
    assert causes.normalise(raw).sip_status == 503


@pytest.mark.parametrize("raw", ["sip:7", "sip:999", "sip:000", "sip:5033", "sip:\u0665\u0660\u0663"])
def test_normalise_when_the_sip_prefix_has_no_status(raw: object) -> None:
    """What cannot be a SIP status is not called one."""
    assert fields(raw) == ("unparsed", "unknown", "UNKNOWN", None)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('Q.850 ; cause = 41 ; text = "a b"', ("NORMAL_TEMPORARY_FAILURE", 41, None, "a b", None)),
        ('reason: q850;text="a \\"b\\", c; d";cause=017', ("USER_BUSY", 17, None, 'a "b", c; d', None)),
        ("Q.850;cause=18;location=LN", ("NO_USER_RESPONSE", 18, None, None, "LN")),
        ('SIP;cause=486;text="x, Q.850;cause=16", Q.850;cause=17', ("USER_BUSY", 17, 486, None, None)),
        ("SIP;cause=487", ("SIP_487", None, 487, None, None)),
        ("X;a=b, FreeSWITCH;cause=804, SIP;cause=480", ("MEDIA_TIMEOUT", None, 480, None, None)),
        ("FreeSWITCH;cause=603", ("USER_CHALLENGE", None, None, None, None)),
        ("Q.850;cause=17;cause=16", ("USER_BUSY", 17, None, None, None)),
        ("FreeSWITCH;cause=17", ("USER_BUSY", 17, None, None, None)),
        ("Q.850;cause=487", ("ORIGINATOR_CANCEL", None, None, None, None)),
        ("Q.850;cause=15", ("Q850_15", 15, None, None, None)),
        ("Q.850;cause=999", ("UNKNOWN", None, None, None, None)),
        ('Q.850;text="x",SIP;cause=603', ("SIP_603", None, 603, None, None)),
        ('Q.850;cause=16;text="open', ("NORMAL_CLEARING", 16, None, "open", None)),
    ],
)
def test_normalise_when_the_text_is_a_reason_header(raw: str, expected: tuple[object, ...]) -> None:
    """A Reason list gives its Q.850, else FreeSWITCH, else SIP value, and keeps the SIP status beside it."""
    cause = causes.normalise(raw)
    assert cause.form == "reason_header"
    assert (cause.name, cause.q850_code, cause.sip_status, cause.text, cause.location) == expected


@pytest.mark.parametrize("raw", ["Q.850;", "Q.850", "Q.850;cause=", "SIP;cause=abc", "Q.850;cause=99999", "X;cause=16"])
def test_normalise_when_a_reason_header_has_no_cause(raw: object) -> None:
    """A Reason without a usable cause parameter is not understood."""
    assert fields(raw) == ("unparsed", "unknown", "UNKNOWN", None)


@pytest.mark.parametrize(
    ("raw", "alternatives"),
    [
        ("Q.850;cause=16, FreeSWITCH;cause=804", ("reason:MEDIA_TIMEOUT=804",)),
        ("Q.850;cause=16, Q.850;cause=17", ("reason:USER_BUSY=17",)),
        ("Q.850;cause=604", ("freeswitch<1.10.8:MEDIA_TIMEOUT",)),
        ("Q.850;cause=16, SIP;cause=486", ()),
    ],
)
def test_normalise_when_a_reason_list_contradicts_itself(raw: object, alternatives: tuple[str, ...]) -> None:
    """A second value that says otherwise is kept as an alternative."""
    cause = causes.normalise(raw)
    assert (cause.alternatives, cause.ambiguous) == (alternatives, bool(alternatives))


@pytest.mark.parametrize(
    ("raw", "namespace", "name", "q850"),
    [
        ("Normal Clearing", "q850", "NORMAL_CLEARING", 16),
        ("normal-temporary.failure", "q850", "NORMAL_TEMPORARY_FAILURE", 41),
        ("SWITCH_CAUSE_USER_BUSY", "q850", "USER_BUSY", 17),
        ("Normal call clearing", "q850", "NORMAL_CLEARING", 16),
        ("RECOVERY_ON_TIMER_EXPIRY", "q850", "RECOVERY_ON_TIMER_EXPIRE", 102),
        ("Preemption", "q850", "PREEMPTION", 8),
        ("No answer from user (user alerted)", "q850", "NO_ANSWER", 19),
        ("no answer from user", "q850", "NO_ANSWER", 19),
        ("Interworking, unspecified", "q850", "INTERWORKING", 127),
        ("Normal, unspecified", "q850", "NORMAL_UNSPECIFIED", 31),
        ("No circuit/channel available", "q850", "NORMAL_CIRCUIT_CONGESTION", 34),
        ("QoR: ported number", "q850", "QOR_PORTED_NUMBER", 14),
        ("AST_CAUSE_UNALLOCATED", "q850", "UNALLOCATED_NUMBER", 1),
        ("AST_CAUSE_CONGESTION", "q850", "NORMAL_CIRCUIT_CONGESTION", 34),
        ("ANSWERED_ELSEWHERE", "q850", "NON_SELECTED_USER_CLEARING", 26),
        ("REDIRECTED_TO_NEW_DESTINATION", "q850", "REDIRECTION_TO_NEW_DESTINATION", 23),
        ("busy", "texml", "USER_BUSY", 17),
        ("canceled", "texml", "ORIGINATOR_CANCEL", None),
        ("failed", "texml", "FAILED", None),
        ("no-answer", "q850", "NO_ANSWER", 19),
        ("media_timeout", "freeswitch", "MEDIA_TIMEOUT", None),
        ("outgoing_call_barred", "freeswitch", "OUTGOING_CALL_BARRED", None),
        ("timeout", "telnyx", "TIMEOUT", None),
        ("time_limit", "telnyx", "TIME_LIMIT", None),
        ("not_found", "telnyx", "NOT_FOUND", None),
        ("unspecified", "telnyx", "UNSPECIFIED", None),
    ],
)
def test_normalise_when_the_text_is_a_name(raw: object, namespace: str, name: str | None, q850: int | None) -> None:
    """A name is known in every spelling, and gets a Q.850 code only where it is a Q.850 cause."""
    assert fields(raw) == ("name", namespace, name, q850)


def test_normalise_when_the_name_is_not_found() -> None:
    """NOT_FOUND carries its SIP status as context."""
    assert causes.normalise("not_found").sip_status == 404


def test_normalise_when_the_name_is_pre_empted() -> None:
    """PRE_EMPTED is Q.850 8, and FreeSWITCH's own number for it is told."""
    cause = causes.normalise("pre_empted")
    assert (cause.namespace, cause.q850_code, cause.freeswitch_code) == ("freeswitch", 8, 45)
    assert (cause.ambiguous, cause.alternatives) == (True, ("freeswitch_number:45",))


@pytest.mark.parametrize(
    ("raw", "namespace", "name", "alternatives"),
    [
        ("16 - Normal call clearing", "q850", "NORMAL_CLEARING", ()),
        ("USER_BUSY (17)", "q850", "USER_BUSY", ()),
        ("17 (USER_BUSY)", "q850", "USER_BUSY", ()),
        ("19 - No answer from user (user alerted)", "q850", "NO_ANSWER", ()),
        ("Unallocated (unassigned) number (1)", "q850", "UNALLOCATED_NUMBER", ()),
        ("user_busy: 17", "q850", "USER_BUSY", ()),
        ("41 \u2013 Temporary failure", "q850", "NORMAL_TEMPORARY_FAILURE", ()),
        ("ORIGINATOR_CANCEL (487)", "freeswitch", "ORIGINATOR_CANCEL", ()),
        ("OUTGOING_CALL_BARRED (52)", "q850_unassigned", "Q850_52", ()),
        ("PRE_EMPTED (45)", "q850_unassigned", "Q850_45", ("name:PRE_EMPTED=8",)),
        ("PRE_EMPTED (8)", "q850", "PREEMPTION", ()),
        ("USER_BUSY (16)", "q850", "NORMAL_CLEARING", ("name:USER_BUSY=17",)),
        ("16 - User busy", "q850", "NORMAL_CLEARING", ("name:USER_BUSY=17",)),
        ("17 DECLINE", "q850", "USER_BUSY", ("name:DECLINE=816",)),
        ("41 - timeout", "q850", "NORMAL_TEMPORARY_FAILURE", ("name:TIMEOUT",)),
        ("17 - Recorder full", "q850", "USER_BUSY", ()),
    ],
)
def test_normalise_when_number_and_name_are_given(
    raw: object, namespace: str, name: str | None, alternatives: tuple[str, ...]
) -> None:
    """The number wins; a name that says otherwise is kept as an alternative."""
    cause = causes.normalise(raw)
    assert (cause.form, cause.namespace, cause.name) == ("number_and_name", namespace, name)
    assert (cause.alternatives, cause.ambiguous) == (alternatives, bool(alternatives))


@pytest.mark.parametrize(
    "raw",
    [
        "error: 16",
        "16 channels",
        "channel-16",
        "16 - 17",
        "normal",
        "clearing",
        "\u017fuccess",
        "normal_clear\u0131ng",
        "999 - USER_BUSY",
        "x" * 5_000,
        "16;17",
        "-16",
        "+16",
        "\u0661\u0666",
    ],
)
def test_normalise_when_the_text_is_unknown(raw: object) -> None:
    """What is not understood is UNKNOWN, however near to a known text."""
    assert fields(raw) == ("unparsed", "unknown", "UNKNOWN", None)
    assert causes.normalise(raw).fault_domain == "unmapped"


@pytest.mark.parametrize("name", list(cause_tables.FREESWITCH_CODES))
def test_normalise_when_the_name_is_its_own_output(name: str) -> None:
    """Every FreeSWITCH name, in any case, stays itself."""
    cause = causes.normalise(name.lower())
    assert cause.name == causes.normalise(cause.name).name == name
    assert cause.fault_domain != "unmapped"


@given(JSON | st.integers(0, 900), st.booleans())
def test_normalise_when_anything_arrives(raw: object, sip_field: bool) -> None:
    """Any value gives a cause that keeps the value and whose name reads as itself."""
    cause = causes.normalise(raw, sip_field=sip_field)
    assert (type(cause.raw), repr(cause.raw)) == (type(raw), repr(raw))
    assert cause.ambiguous == bool(cause.alternatives)
    assert cause.name is None or causes.normalise(cause.name).name == cause.name


@given(st.text() | st.lists(st.sampled_from('Q.850;SIPcause=16,"\\-() :tx'), max_size=40).map("".join))
def test_normalise_when_the_text_gives_no_sixteen(text: str) -> None:
    """Normal clearing is read only where 16 or one of its names is written."""
    if causes.normalise(text).q850_code == 16:
        assert "16" in text or cause_tables.slug(text) in ("NORMAL_CLEARING", "NORMAL_CALL_CLEARING")


@pytest.mark.parametrize(
    ("raw", "domain"),
    [
        ("normal_clearing", "normal"),
        ("user_busy", "capacity"),
        ("media_timeout", "media"),
        ("srtp_read_error", "media"),
        ("decline", "authorisation_or_policy"),
        ("originator_cancel", "normal_race"),
        ("pre_empted", "capacity"),
        ("outgoing_call_barred", "authorisation_or_policy"),
        ("15", "other"),
        ("sip:420", "configuration_or_compatibility"),
        ("sip:486", "capacity"),
        ("sip:503", "availability_or_network"),
        ("sip:482", "protocol_or_routing"),
        ("sip:499", "unclassified"),
        ("sip:202", "normal"),
        ("time_limit", "authorisation_or_policy"),
        ("whatever", "unmapped"),
    ],
)
def test_fault_domain_when_the_cause_is_known(raw: object, domain: str) -> None:
    """Each cause says who is to look into it."""
    assert causes.normalise(raw).fault_domain == domain


def test_tables_when_names_meet() -> None:
    """No ITU text reads as a cause that FreeSWITCH numbers otherwise."""
    for spelling, code in cause_tables.ITU_SPELLINGS.items():
        assert cause_tables.FREESWITCH_CODES.get(spelling, code) == code
    assert len(cause_tables.Q850_NAMES) == len(set(cause_tables.Q850_NAMES.values())) == 71


def test_versions_when_published() -> None:
    """Rows can name the rules and the tables they were read with."""
    assert causes.NORMALISER_VERSION
    assert len(causes.TABLE_VERSION) == 16


def test_normalise_when_the_text_is_long() -> None:
    """A long text is not kept in memory once it is read."""
    held = causes._read.cache_info().currsize
    assert causes.normalise("Q.850;cause=17;text=" + "x" * causes.TEXT_CACHED_MAX).q850_code == 17
    assert causes._read.cache_info().currsize == held
