"""The cause tables as lookups: Q.850, FreeSWITCH, Asterisk, SIP, and who is to look into a fault.

Read once from ``calls/data/*.csv``. What a cause *means* is told there; what a received text *is* is told by
``calls.causes``. ``TABLE_VERSION`` changes with every byte of the tables.
"""

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from importlib import resources

_FILES = ("q850", "cause_xref", "freeswitch_causes", "sip_to_cause", "fault_domains")
_BYTES = {name: resources.files("calls.data").joinpath(f"{name}.csv").read_bytes() for name in _FILES}
_NOT_ALNUM = re.compile(r"[^A-Z0-9]+")
_PARENTHESIS = re.compile(r"\([^)]*\)")


def slug(text: str) -> str:
    """Write a name as tables and rows do: upper case, every run of anything else one ``_``."""
    return _NOT_ALNUM.sub("_", text.upper()).strip("_")


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_BYTES[name].decode().splitlines()))


def _spellings(itu_name: str) -> Iterator[str]:
    """Yield the ITU name with and without what it has in brackets and its ", unspecified"."""
    bare = _PARENTHESIS.sub(" ", itu_name)
    yield from map(slug, (itu_name, bare))
    # "Normal, unspecified" (31) without its end would read as normal clearing to a person.
    if not bare.startswith("Normal,"):
        yield slug(bare.removesuffix(", unspecified"))


_Q850 = {int(row["code"]): row for row in _rows("q850") if row["itu_name"]}
_FREESWITCH = _rows("freeswitch_causes")

FREESWITCH_CODES: Mapping[str, int] = {row["name"]: int(row["code_v1_10_8_and_later"]) for row in _FREESWITCH}
"""FreeSWITCH name -> its number since v1.10.8."""

FREESWITCH_NAMES: Mapping[int, str] = {code: name for name, code in FREESWITCH_CODES.items()}
"""FreeSWITCH number since v1.10.8 -> name."""

FREESWITCH_OLD_NAMES: Mapping[int, str] = {
    int(row["code_before_2022_06_07"]): row["name"]
    for row in _FREESWITCH
    if row["code_before_2022_06_07"] not in ("", row["code_v1_10_8_and_later"])
}
"""Numbers FreeSWITCH gave up because they collide with SIP codes (500-503, 600-624) -> name."""

Q850_NAMES: Mapping[int, str] = {
    code: FREESWITCH_NAMES.get(code) or slug(row["itu_name"]) for code, row in _Q850.items()
}
"""Every code ITU-T Q.850 assigns -> FreeSWITCH's name for it, else the ITU name as slug (domain 8b)."""

Q850_CLASSES: Mapping[int, str] = {code: row["class"] for code, row in _Q850.items()}
"""Assigned code -> class, for example ``001 normal``."""

ITU_SPELLINGS: Mapping[str, int] = {
    spelling: code for code, row in _Q850.items() for spelling in _spellings(row["itu_name"])
}
"""ITU prose as slug -> code."""

ASTERISK_CODES: Mapping[str, int] = {
    row["asterisk_name"]: code for code, row in _Q850.items() if row["asterisk_name"]
} | {
    # Asterisk's own short names; without their prefix they are too vague to be read as causes.
    "AST_CAUSE_BUSY": 17,
    "AST_CAUSE_FAILURE": 38,
    "AST_CAUSE_NORMAL": 16,
    "AST_CAUSE_NOANSWER": 19,
    "AST_CAUSE_CONGESTION": 34,
    "AST_CAUSE_UNREGISTERED": 20,
    "AST_CAUSE_NOSUCHDRIVER": 66,
}
"""Asterisk constant -> Q.850 code (Asterisk ``causes.h``)."""

Q850_DOMAINS: Mapping[int, str] = {int(row["code"]): row["siprec_fault_domain"] for row in _rows("cause_xref")}
"""Code -> fault domain; holds some codes that ITU does not assign."""

NER_BUCKETS: Mapping[int, str] = {int(row["code"]): row["ner_bucket_when_unanswered"] for row in _rows("cause_xref")}
"""Code -> what it says of an unanswered call for the network effectiveness ratio (domain 7.2)."""

NAME_DOMAINS: Mapping[str, str] = {row["name"]: row["siprec_fault_domain"] for row in _rows("fault_domains")} | {
    name: Q850_DOMAINS[code] for name, code in FREESWITCH_CODES.items() if code in Q850_DOMAINS
}
"""Name without a Q.850 code, or any FreeSWITCH name -> fault domain (domain 1.4)."""

SIP_DOMAINS: Mapping[int, str] = {
    int(row["sip_status"]): NAME_DOMAINS[row["freeswitch_upstream"]] for row in _rows("sip_to_cause")
}
"""SIP status -> fault domain of the cause FreeSWITCH maps it to. The cause itself stays unmapped."""

TABLE_VERSION: str = hashlib.sha256(b"\0".join(_BYTES[name] for name in _FILES)).hexdigest()[:16]
"""Hash of the tables, 16 hex digits."""
