"""The leaf encoding, held to the words of its documentation by a decoder and a vector written from them alone."""

import hmac
from dataclasses import fields, replace
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from store import leaf, merkle
from store.entry import Entry
from tests.unit.store import made

SALT = bytes(range(16))
TEXTS = ("source", "event_type", "event_id")
INSTANTS = ("occurred_us", "received_us")
MORE_TEXTS = (
    "call_session_id",
    "call_leg_id",
    "call_control_id",
    "connection_id",
    "signed_timestamp",
    "key_id",
    "quarantined",
)
NOT_CLAIMED = ("data_hash", "sealed_body", "attempt")
VECTOR = Entry(
    source="webhook",
    received_us=1_790_000_000_000_000,
    body=b'{"data":{}}',
    data_hash=bytes(32),
    event_type="call.hangup",
    event_id="Zoë",
    call_leg_id="",
    signed_timestamp="1790000000",
)
VECTOR_LEAF = (
    "63616c6c61756469742f6c6561662f7631"  # callaudit/leaf/v1
    "00000007" + b"webhook".hex() + "0000000b" + b"call.hangup".hex() + "00000004" + "5a6fc3ab"
    "ffffffff"  # occurred_at: null
    "00000010" + b"1790000000000000".hex() + "ffffffff"  # call_session_id: null
    "00000000"  # call_leg_id: empty, which is not null
    "ffffffff"
    "ffffffff"
    "0000000a" + b"1790000000".hex() + "ffffffff"
    "ffffffff"
    "0000000130"  # masked: 0
    "00000020"
)


def decode(encoded: bytes) -> list[bytes | None]:
    """Take a leaf apart as documented."""
    assert encoded.startswith(leaf.VERSION)
    rest = encoded[len(leaf.VERSION) :]
    parts: list[bytes | None] = []
    while rest:
        size, rest = rest[:4], rest[4:]
        if size == leaf.NULL:
            parts.append(None)
            continue
        length = int.from_bytes(size, "big")
        assert length <= len(rest)
        parts.append(rest[:length])
        rest = rest[length:]
    return parts


def claims(entry: Entry) -> list[bytes | None]:
    """Say what a leaf must hold of an entry, in the documented order."""

    def texts(names: tuple[str, ...]) -> list[bytes | None]:
        values = [getattr(entry, name) for name in names]
        return [None if value is None else str(value).encode() for value in values]

    body = len(entry.body).to_bytes(4, "big") + entry.body
    signature = (
        b"\xff\xff\xff\xff" if entry.signature is None else len(entry.signature).to_bytes(4, "big") + entry.signature
    )
    commitment = hmac.new(SALT, body + signature, "sha256").digest()
    masked = b"1" if entry.masked else b"0"
    return [*texts(TEXTS), *texts(INSTANTS), *texts(MORE_TEXTS), masked, commitment]


def test_leaf_of_the_documented_vector() -> None:
    """The encoding is the one documented, byte for byte, so that others can compute it."""
    commitment = hmac.new(
        SALT, bytes.fromhex("0000000b") + VECTOR.body + bytes.fromhex("ffffffff"), "sha256"
    ).hexdigest()
    assert leaf.encode(VECTOR, SALT).hex() == VECTOR_LEAF + commitment
    assert (
        merkle.leaf_hash(leaf.encode(VECTOR, SALT)).hex()
        == "ab6205ab76b0e0edd448444ad33426339e1621ad4c7aeccf8ca7baf41c0823f0"
    )


def test_hash_of_the_empty_leaf_is_that_of_rfc_6962() -> None:
    """The leaf hash has RFC 6962's prefix, so that existing tools agree with it."""
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@given(made.entries())
def test_leaf_decodes_to_what_the_entry_claims(entry: Entry) -> None:
    """Each claim can be read back from the leaf, so that no two different rows share one."""
    assert decode(leaf.encode(entry, SALT)) == claims(entry)


@given(made.entries(), made.entries())
def test_leaves_differ_where_any_claim_does(one: Entry, other: Entry) -> None:
    """Changing any one claimed field changes the leaf, and changing anything else does not."""
    for name in (field.name for field in fields(Entry)):
        changed = replace(one, **{name: getattr(other, name)})
        claimed = name not in NOT_CLAIMED and getattr(one, name) != getattr(other, name)
        assert (leaf.encode(changed, SALT) != leaf.encode(one, SALT)) == claimed


@given(st.binary(max_size=20), st.binary(max_size=20), st.integers(0, 20))
def test_commitment_tells_body_from_signature(body: bytes, signature: bytes, cut: int) -> None:
    """Bytes cannot be moved between body and signature unnoticed."""
    joined = body + signature
    moved = joined[:cut], joined[cut:]
    same = moved == (body, signature)
    assert (leaf.commitment(*moved, SALT) == leaf.commitment(body, signature, SALT)) == same


@given(made.entries())
def test_commitment_hides_the_body_without_the_salt(entry: Entry) -> None:
    """Under another salt the same body commits otherwise, so a guess cannot be checked without it."""
    assert leaf.encode(entry, SALT) != leaf.encode(entry, sha256(SALT).digest()[:16])
