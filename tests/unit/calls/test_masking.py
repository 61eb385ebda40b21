"""Masking, against an oracle that knows where each secret was written."""

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlencode

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calls import masking
from calls.masking import Masked
from calls.secrets import SECRETS, Kind, Secret, Shape

_GOLDEN = Path(__file__).parent / "golden"
_ALWAYS = [secret for secret in SECRETS if secret.inside is None]


@pytest.mark.parametrize(
    ("name", "secrets", "guessable", "bearer"),
    [
        ("v2_with_meta.json", [], False, False),
        ("data_only.json", [], False, False),
        ("flat_debug.json", [], False, False),
        ("v1_flat.json", [], False, False),
        ("conference_created.json", [], False, False),
        ("unknown_type.json", [], False, False),
        ("dtmf_received.json", ["7"], True, False),
        ("gather_ended.json", ["4929#", "golden words"], True, False),
        (
            "payment_completed.json",
            ["********34", "990000001", "1299", "xxxxxxxxxxxx1111", "99950", "xxx"],
            True,
            False,
        ),
        (
            "recording_saved.json",
            [r"https:\/\/recordings.example.com\/golden.wav?signature=abcdef"],
            False,
            True,
        ),
        ("cut_off.txt", ["7"], True, False),
    ],
)
def test_mask_of_each_golden_body_hides_its_secrets_alone(
    name: str, secrets: list[str], guessable: bool, bearer: bool
) -> None:
    """Each secret is stars of its decoded length, everything else is byte for byte as received."""
    body = (_GOLDEN / name).read_bytes()
    expected = body
    for secret in secrets:
        expected = expected.replace(f'"{secret}'.encode(), b'"' + b"*" * len(secret.replace("\\", "")))
    assert masking.mask(body) == Masked(expected, guessable, bearer)


def test_mask_of_a_form_hides_digits_speech_and_urls() -> None:
    """A TeXML body keeps its other pairs as they were, percent signs included."""
    body = (_GOLDEN / "texml.form").read_bytes()
    masked = masking.mask(body, form=True)
    before, after = parse_qs(body.decode()), parse_qs(masked.body.decode())
    hidden = {"Digits", "RecordingUrl", "SpeechResult"}
    assert {name for name in before if before[name] != after[name]} == hidden
    assert all(after[name] == ["*" * len(before[name][0])] for name in hidden)
    assert masked.body.startswith(body[: body.index(b"49%2A2")] + b"****&From=%2B12025550101&")
    assert (masked.guessable, masked.bearer) == (True, True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"Digits=1234", b"Digits=****"),
        (b"digits=1234&From=7", b"digits=****&From=7"),
        (b"From=7&Di%67its=%31+%32", b"From=7&Di%67its=***"),
        (
            b"RecordingUrls%5Bmp3%5D=abc&RecordingUrls[wav]=",
            b"RecordingUrls%5Bmp3%5D=***&RecordingUrls[wav]=",
        ),
        (b"PaymentCardNumber=xxxx1&Result=success", b"PaymentCardNumber=*****&Result=success"),
        (b"&&=&Digits&Digits=", b"&&=&Digits&Digits="),
        (b"Digits=%E2%82%AC%", b"Digits=**"),
        (b'{"digit": "5"}', b'{"digit": "*"}'),
    ],
)
def test_mask_of_a_form_reads_names_as_a_form_parser_does(body: bytes, expected: bytes) -> None:
    """Percent signs, case and brackets in names hide nothing, and JSON in place of a form is read as JSON."""
    assert masking.mask(body, form=True).body == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"digit":""}', b'{"digit":""}'),
        (b'{"digit":null,"digits":[true,false]}', b'{"digit":null,"digits":[true,false]}'),
        (b'{"digit":5,"digits":-1.5e3}', b'{"digit":"*","digits":"******"}'),
        (b'{"digit":"\\u0037\\ud83d\\ude00\\n\xc3\xa9\\""}', b'{"digit":"*****"}'),
        (b'{"d\\u0069git" : "7"}', b'{"d\\u0069git" : "*"}'),
        (b'{"DIGIT":"7","Digits":"8"}', b'{"DIGIT":"*","Digits":"*"}'),
        (
            b'{"payload":{"digit":"7"},"payload":{"digit":"8"}}',
            b'{"payload":{"digit":"*"},"payload":{"digit":"*"}}',
        ),
        (
            b'{"valid_digits":"123","terminating_digit":"#"}',
            b'{"valid_digits":"123","terminating_digit":"#"}',
        ),
        (b'{"result":"human","digit":"1"}', b'{"result":"human","digit":"*"}'),
        (
            b'{"result":{"age":29,"x":[{"y":"z"}],"n":null}}',
            b'{"result":{"age":"**","x":[{"y":"*"}],"n":null}}',
        ),
        (b'{"from":"a","to":"digit","x":"1"}', b'{"from":"a","to":"digit","x":"1"}'),
        (
            b'{"message_history":[{"content":"hi","role":"user"}],"content":"x"}',
            b'{"message_history":[{"content":"**","role":"user"}],"content":"x"}',
        ),
        (
            b'{"recordings":[{"id":"r","download_urls":{"mp3":"u"},"channels":"dual"},"u"]}',
            b'{"recordings":[{"id":"r","download_urls":{"mp3":"*"},"channels":"dual"},"*"]}',
        ),
    ],
)
def test_mask_hides_what_the_list_names(body: bytes, expected: bytes) -> None:
    """Escapes, case, equal keys, numbers and nesting hide nothing; statuses and limits stay readable."""
    assert masking.mask(body).body == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"digit":"7', b'{"digit":"*'),
        (b'{"digit":"7\\', b'{"digit":"**'),
        (b'\xef\xbb\xbf{"digit":"7"}', b'\xef\xbb\xbf{"digit":"*"}'),
        (b'{"digit":"\xff\xff"}', b'{"digit":"**"}'),
        (b'{"digit": NaN}', b'{"digit": ***}'),
        (b'{"digit":"7" "x":"y"}', b'{"digit":"*" "x":"y"}'),
        (b'{"a":"x, "digit":"7"}', b'{"a":"x, "digit":"*"}'),
        (b'{"digits:"78","a":"x"}', b'{"digits:"**","a":"x"}'),
        (b"{'digit': '7, 8', 'a': 'x'}", b"{'digit': '****', 'a': 'x'}"),
        (b"{'result': {'age': 29}}", b"{'result': {'age': \"**\"}}"),
        (b"{digit: 7}", b"{digit: *}"),
        (b'{"digit":"7":"8"}', b'{"digit":"*":"*"}'),
        (b'{"digit":"7"} junk', b'{"digit":"*"} junk'),
        (b"Digits=78&From=7", b"Digits=**&From=7"),
        (b'}]{"digit":"7"}', b'}]{"digit":"*"}'),
        (b'{"digit":' + b"[" * 5000 + b'"7"', b'{"digit":' + b"[" * 5000 + b'"*"'),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_mask_hides_secrets_of_a_body_that_is_no_json(body: bytes, expected: bytes) -> None:
    """Cut off, misquoted, mislabelled or not UTF-8: what follows a listed name is hidden."""
    assert masking.mask(body).body == expected


def test_transcripts_stay_when_the_switch_is_off() -> None:
    """Only what was said depends on the switch; key presses and answers to questions do not."""
    body = orjson.dumps({"transcript": "hi", "speech": {"result": "hi"}, "digits": "12", "result": {"age": "29"}})
    masked = masking.mask(body, transcripts=False)
    assert orjson.loads(masked.body) == {
        "transcript": "hi",
        "speech": {"result": "hi"},
        "digits": "**",
        "result": {"age": "**"},
    }
    said, hidden = b'{"transcript": "hi"}', b'{"transcript": "**"}'
    assert masking.mask(said, transcripts=False) == Masked(said, guessable=False, bearer=False)
    assert masking.mask(said) == Masked(hidden, guessable=True, bearer=False)


def test_a_secret_inside_a_url_field_is_guessable() -> None:
    """The stronger reason wins: such a body must not be sealed as if it held URLs only."""
    assert masking.mask(b'{"recording_urls":{"digits":"12"}}').guessable
    hidden = Masked(b'{"result":{"recording_url":"*"}}', guessable=True, bearer=False)
    assert masking.mask(b'{"result":{"recording_url":"u"}}') == hidden


def test_stars_of_the_provider_count_as_a_secret() -> None:
    """What arrives as stars is as guessable as what we made stars of."""
    assert masking.mask(b'{"digit":"*"}') == Masked(b'{"digit":"*"}', guessable=True, bearer=False)


@pytest.mark.parametrize(("secret", "between", "upper"), list(product(SECRETS, ("_", "-", ""), (False, True))), ids=str)
def test_every_listed_secret_is_found(secret: Secret, between: str, upper: bool) -> None:
    """No listed name slips through the quick check, in any case or spelling, in JSON or half of it."""
    name = secret.name.replace("_", between)
    value = b'{"a":"Q"}' if secret.shape is Shape.CONTAINER else b'"Q"'
    body = b'{"%s":%s}' % ((name.upper() if upper else name).encode(), value)
    if secret.inside:
        body = b'{"%s":[%s]}' % (secret.inside.encode(), body)
    masked = masking.mask(body)
    assert masked.body == body.replace(b'"Q"', b'"*"')
    assert masked.bearer == (secret.kind is Kind.BEARER)
    assert masked.guessable != masked.bearer
    assert b"Q" not in masking.mask(body.rstrip(b'"]}')).body


# --- the oracle -----------------------------------------------------------------------------------


@dataclass
class _Written:
    """A JSON text written with random spaces, escapes and case, and the text expected of it."""

    random: Random
    body: bytearray = field(default_factory=bytearray)
    expected: bytearray = field(default_factory=bytearray)
    kinds: set[Kind] = field(default_factory=set)

    def mark(self, text: str) -> None:
        spaced = text + self.random.choice(["", "", " ", "\n\t"])
        self.body += spaced.encode()
        self.expected += spaced.encode()

    def string(self, text: str, kind: Kind) -> None:
        content = "".join(self._character(character) for character in text)
        self.body += f'"{content}"'.encode()
        self.expected += f'"{"*" * len(text) if kind else content}"'.encode()
        self.kinds |= {kind} if text else set()

    def number(self, text: str, kind: Kind) -> None:
        self.body += text.encode()
        self.expected += (f'"{"*" * len(text)}"' if kind else text).encode()
        self.kinds.add(kind)

    def _character(self, character: str) -> str:
        if character in '"\\' or character < " " or self.random.random() < 0.2:
            units = character.encode("utf-16-be")
            return "".join(
                f"\\u{units[i]:02{self.random.choice('xX')}}{units[i + 1]:02x}" for i in range(0, len(units), 2)
            )
        return character


def _kind(key: str, scope: str, shape: Shape) -> Kind:
    names = {
        secret: {secret.name.replace("_", between) for between in ("_", "-", "")}
        for secret in SECRETS
        if secret.inside in {None, scope} and secret.shape in {Shape.ANY, shape}
    }
    return max((secret.kind for secret, spelt in names.items() if key.lower() in spelt), default=Kind.NONE)


def _scope(key: str) -> str | None:
    scopes = {secret.inside for secret in SECRETS if secret.inside}
    return next((scope for scope in scopes if key.lower() in {scope.replace("_", b) for b in ("_", "-", "")}), None)


def _write(out: _Written, value: object, key: str = "", scope: str = "", force: Kind = Kind.NONE) -> None:
    if isinstance(value, (list, tuple)):
        force = max(force, _kind(key, scope, Shape.CONTAINER))
        scope = _scope(key) or scope
        _write_container(out, value, key, scope, force)
        return
    kind = max(force, _kind(key, scope, Shape.SCALAR))
    if isinstance(value, str):
        out.string(value, kind)
    elif value is None or isinstance(value, bool):
        out.mark({None: "null", True: "true", False: "false"}[value])
    else:
        out.number(repr(value), kind)
    out.mark("")


def _write_container(
    out: _Written, value: list[object] | tuple[object, ...], key: str, scope: str, force: Kind
) -> None:
    """Write a list as an array, a tuple of pairs as an object, equal keys and all."""
    out.mark("[" if isinstance(value, list) else "{")
    for index, member in enumerate(value):
        if index:
            out.mark(",")
        if isinstance(value, list):
            _write(out, member, key, scope, force)
        else:
            assert isinstance(member, list)
            out.string(member[0], Kind.NONE)
            out.mark("")
            out.mark(":")
            _write(out, member[1], member[0], scope, force)
    out.mark("]" if isinstance(value, list) else "}")


def _spelt(name: str, between: str, upper: int) -> str:
    name = name.replace("_", between)
    return name[:upper].upper() + name[upper:]


_LISTED = st.builds(
    _spelt,
    st.sampled_from(sorted({secret.name for secret in SECRETS} | {s.inside for s in SECRETS if s.inside})),
    st.sampled_from(("_", "-", "")),
    st.integers(0, 3),
)
_KEYS = (
    _LISTED | st.sampled_from(["payload", "from", "valid_digits", "digit_", "x", "", "résultat"]) | st.text(max_size=3)
)
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_KEYS, inner).map(list), max_size=4).map(tuple),
    max_leaves=15,
)


@given(_VALUES, st.randoms(use_true_random=False))
def test_mask_changes_the_listed_leaves_and_no_other_byte(value: object, random: Random) -> None:
    """However a valid body is written, its secrets become stars and the rest stays as it was."""
    out = _Written(random)
    _write(out, value)
    masked = masking.mask(bytes(out.body))
    assert masked.body == bytes(out.expected)
    assert masked.guessable == bool(out.kinds & {Kind.GUESSABLE, Kind.TRANSCRIPT})
    assert masked.bearer == (Kind.BEARER in out.kinds)
    assert masking.mask(masked.body) == masked


def _masks_scalars(key: str) -> bool:
    return _kind(key, "", Shape.SCALAR) is not Kind.NONE


_SECRET_VALUES = st.text("Q0", min_size=1, max_size=5)
_SECRET_PAIRS = st.tuples(_LISTED.filter(_masks_scalars), _SECRET_VALUES)
_OTHER_PAIRS = st.tuples(st.sampled_from(["from", "to", "state"]), st.text("abc ,:{}[]", max_size=6))


@given(st.lists(_SECRET_PAIRS | _OTHER_PAIRS, min_size=1), st.data(), st.randoms(use_true_random=False))
def test_no_secret_survives_when_the_body_is_cut_off_or_preceded_by_junk(
    pairs: list[tuple[str, str]], data: st.DataObject, random: Random
) -> None:
    """Wherever a body ends, and whatever stands before it, no character of a secret is left."""
    out = _Written(random)
    _write(out, (["data", (["payload", tuple(map(list, pairs))],)],))
    cut = data.draw(st.integers(0, len(out.body)))
    junk = data.draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"}]\x00 junk,", b"[[{"]))
    masked = masking.mask(junk + bytes(out.body[:cut])).body
    assert b"Q" not in masked
    assert b"0051" not in masked  # Q, escaped


@given(st.sampled_from([s.name for s in _ALWAYS if s.shape is not Shape.CONTAINER]), st.data())
def test_no_secret_survives_when_a_quote_is_lost(name: str, data: st.DataObject) -> None:
    """A body that lost one quote still gives no secret away."""
    body = f'{{"a": "x", "{name}": "QQQ", "b": ["y"]}}'
    quote = data.draw(st.sampled_from([i for i, character in enumerate(body) if character == '"']))
    assert b"Q" not in masking.mask((body[:quote] + body[quote + 1 :]).encode()).body


_SHARDS = st.lists(
    st.sampled_from(
        [
            *rb"""" ' : , = & { } [ ] \ 7 null -1 *""".split(),
            *rb"digit digits \u0064igit result recordings url message_history".split(),
            *(b" ", b"\n", b"\xff", b"\xc3\xa9", b"'7, 8'"),
        ]
    ),
    max_size=24,
).map(b"".join)


@given(_SHARDS | st.binary(max_size=100), st.booleans(), st.booleans())
def test_mask_is_total_and_idempotent_on_any_bytes(body: bytes, form: bool, transcripts: bool) -> None:
    """Any bytes give a body, and masking that again changes nothing."""
    masked = masking.mask(body, form=form, transcripts=transcripts)
    assert masking.mask(masked.body, form=form, transcripts=transcripts).body == masked.body


@example([("account_number", "\\0")])
@given(st.lists(st.tuples(_LISTED | st.text(max_size=4), st.text(max_size=6))))
def test_mask_of_any_form_changes_the_listed_values_alone(pairs: list[tuple[str, str]]) -> None:
    """A form keeps its names, their order, the length of every value, and the text of every other one."""
    body = urlencode(pairs, safe="*").encode()
    expected = [
        (name, "*" * len(value) if _kind(name, "", Shape.SCALAR) and "[" not in name else value)
        for name, value in pairs
    ]
    assert masking.mask(b"A=b&" + body, form=True).body == b"A=b&" + urlencode(expected, safe="*").encode()
