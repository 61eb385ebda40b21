"""What each known cause means, as a Cause without its raw text (domain 2; 8b wins).

A cause keeps its own namespace: SIP and FreeSWITCH causes get no Q.850 code by analogy. Mapping one
namespace to another is left to reports, which must name the mapping they use. Reading texts is left to
``calls.causes``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from calls import cause_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a cause value says, in its own namespace.

    ``form``: absent, numeric, sip_prefixed, reason_header, number_and_name, name or unparsed.
    ``namespace``: q850, q850_unassigned, freeswitch, sip, telnyx, texml, none or unknown.
    ``name`` is None only where the value is absent; ``freeswitch_code`` is the number since v1.10.8.
    ``alternatives`` are other readings of the same value; ``fault_domain`` says who should look.
    """

    raw: object = None
    form: str = "unparsed"
    namespace: str = "unknown"
    q850_code: int | None = None
    name: str | None = "UNKNOWN"
    q850_class: str | None = None
    sip_status: int | None = None
    freeswitch_code: int | None = None
    text: str | None = None
    location: str | None = None
    ambiguous: bool = False
    alternatives: tuple[str, ...] = ()
    fault_domain: str = "unmapped"


UNKNOWN = Cause()
ABSENT = Cause(form="absent", namespace="none", name=None, fault_domain="absent")


def q850(code: int) -> Cause:
    """Mean a number between 1 and 127, assigned by Q.850 or not."""
    domain = cause_tables.Q850_DOMAINS.get(code, "other")
    if code in cause_tables.Q850_NAMES:
        return Cause(
            namespace="q850",
            q850_code=code,
            name=cause_tables.Q850_NAMES[code],
            q850_class=cause_tables.Q850_CLASSES[code],
            fault_domain=domain,
        )
    return Cause(namespace="q850_unassigned", q850_code=code, name=f"Q850_{code}", fault_domain=domain)


def freeswitch(name: str) -> Cause:
    """Mean a FreeSWITCH name, which is a Q.850 cause where ITU assigns its number."""
    code = cause_tables.FREESWITCH_CODES[name]
    if code in cause_tables.Q850_NAMES:
        return q850(code)
    own = Cause(
        namespace="freeswitch",
        name=name,
        freeswitch_code=code,
        fault_domain=cause_tables.NAME_DOMAINS[name],
    )
    if name != "PRE_EMPTED":
        return own
    preemption = q850(8)  # numbered 45 by FreeSWITCH alone
    own = replace(own, q850_code=8, q850_class=preemption.q850_class, fault_domain=preemption.fault_domain)
    return or_else(own, "freeswitch_number:45")


def sip(status: int) -> Cause | None:
    """Mean a SIP status; a number outside 100-699 is none."""
    if not 100 <= status <= 699:
        return None
    default = "normal" if status < 300 else "unclassified"
    domain = cause_tables.SIP_DOMAINS.get(status, default)
    return Cause(namespace="sip", name=f"SIP_{status}", sip_status=status, fault_domain=domain)


def or_else(cause: Cause, alternative: str) -> Cause:
    """Mark a cause as ambiguous, with one more reading."""
    return replace(cause, ambiguous=True, alternatives=(*cause.alternatives, alternative))


def _own(namespace: str, name: str, sip_status: int | None = None) -> Cause:
    domain = cause_tables.NAME_DOMAINS[name]
    return Cause(namespace=namespace, name=name, sip_status=sip_status, fault_domain=domain)


def _names() -> dict[str, Cause]:
    """Build name -> meaning; of a name known to several, the meaning of the first in rule 7 stands."""
    texml = {
        "BUSY": replace(q850(17), namespace="texml"),
        "CANCELED": replace(freeswitch("ORIGINATOR_CANCEL"), namespace="texml"),
        "FAILED": _own("texml", "FAILED"),
    }
    telnyx = {name: _own("telnyx", name) for name in ("TIMEOUT", "TIME_LIMIT", "UNSPECIFIED")}
    return {
        **texml,
        "CANCELLED": texml["CANCELED"],
        "UNASSIGNED_NUMBER": q850(1),
        **{spelling: q850(code) for spelling, code in cause_tables.ITU_SPELLINGS.items()},
        **{name: q850(code) for name, code in cause_tables.ASTERISK_CODES.items()},
        **telnyx,
        "NOT_FOUND": _own("telnyx", "NOT_FOUND", sip_status=404),
        **{name: freeswitch(name) for name in cause_tables.FREESWITCH_CODES},
    }


NAMES: Mapping[str, Cause] = _names()
"""Name in slug form -> meaning, of every name that needs no number to be understood (rule 7)."""
