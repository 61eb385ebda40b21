"""What must never be stored is replaced by ``*`` here, before anything is appended, rejected or hashed.

Works on the bytes, token by token, so that everything else stays as it was received, also in a body that is
broken JSON, or has the same key twice. Total: any bytes in, a ``Masked`` out, in time linear in their number.
``secrets`` lists what is masked. What becomes of signatures and originals is the caller's to decide.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

import orjson

from calls.secrets import SECRETS, Kind, Shape

_Rules = Mapping[tuple[str, str, Shape], Kind]
_Span = tuple[int, int, bytes, Kind]  # replace body[start:end] by these bytes, for this reason


@dataclass(frozen=True, slots=True)
class Masked:
    """A body that may be stored.

    ``guessable``: something was masked whose original could be found by trying: no signature, hash or sealed
    original may be kept. ``bearer``: a URL was masked. Null and empty values mask nothing; values that are
    stars already count, for they may be all the provider left of a secret.
    """

    body: bytes
    guessable: bool
    bearer: bool


def mask(body: bytes, *, form: bool = False, transcripts: bool = True) -> Masked:
    """Replace the characters of every secret by ``*``, their number kept (domain 6, traps 1 and 5).

    ``form``: the body is form-encoded (TeXML). ``transcripts`` False leaves what was said. A number becomes a
    string of stars, so that valid JSON stays valid; true, false and null stay.
    """
    rules = _RULES[transcripts]
    if form and not body.lstrip().startswith((b"{", b"[")):
        first = _replaced(body, _in_form(body, rules))
        return _and(first, _in_any(first.body, rules))  # the content type is not signed: it may be anything
    return _in_any(body, rules)


def _in_any(body: bytes, rules: _Rules) -> Masked:
    if not may_hold_secrets(body):
        return Masked(body, guessable=False, bearer=False)
    if _is_json(body):
        return _replaced(body, _in_json(body, rules))
    first = _replaced(body, _in_text(body, rules))
    return _and(first, _replaced(first.body, _in_json(first.body, rules)))


def _and(first: Masked, second: Masked) -> Masked:
    return Masked(second.body, first.guessable or second.guessable, first.bearer or second.bearer)


def _replaced(body: bytes, spans: Iterator[_Span]) -> Masked:
    parts: list[bytes] = []
    kinds: set[Kind] = set()
    done = 0
    for start, end, stars, kind in spans:
        parts += (body[done:start], stars)
        kinds.add(kind)
        done = end
    if not kinds:
        return Masked(body, guessable=False, bearer=False)
    parts.append(body[done:])
    return Masked(b"".join(parts), max(kinds) >= Kind.TRANSCRIPT, Kind.BEARER in kinds)


# --- names ----------------------------------------------------------------------------------------

_SCOPES = frozenset(secret.inside for secret in SECRETS if secret.inside is not None)
_NAMES: Mapping[bytes, str] = MappingProxyType(
    {
        name.replace("_", between).encode(): name
        for name, between in product({secret.name for secret in SECRETS} | _SCOPES, ("_", "-", ""))
    }
)
_ESCAPED_ASCII = re.compile(rb"\\u00([2-7][0-9a-fA-F])")


def _listed(key: bytes) -> str:
    """Give the listed name that a key, as written between its quotes, stands for; "" if it is not listed."""
    if b"\\" in key:
        key = _ESCAPED_ASCII.sub(lambda escape: bytes.fromhex(escape[1].decode()), key)
    return _NAMES.get(key.lower(), "")


def _rules(*, transcripts: bool) -> _Rules:
    rules: dict[tuple[str, str, Shape], Kind] = {}
    for secret in SECRETS:
        if secret.kind is Kind.TRANSCRIPT and not transcripts:
            continue
        shapes = (Shape.SCALAR, Shape.CONTAINER) if secret.shape is Shape.ANY else (secret.shape,)
        for scope, shape in product((secret.inside,) if secret.inside else ("", *_SCOPES), shapes):
            place = secret.name, scope, shape
            rules[place] = max(secret.kind, rules.get(place, Kind.NONE))
    return MappingProxyType(rules)


_RULES: Mapping[bool, _Rules] = {switch: _rules(transcripts=switch) for switch in (False, True)}

# Nearly every event holds no secret. This looks, in lower case, for words of which every listed name (or what
# it is inside of) has one, and for an escaped ASCII character, without which a key has no other spelling.
# Every branch starts with a literal: that makes it some 8 microseconds for a usual event of 900 bytes, where
# 25 would be possible too, and reading token by token is some 100.
_MAYBE = re.compile(
    rb"digit|password|card|security|expir|account|routing|cv[cv]|result(?<!\wresult)|partial|speech"
    rb"|transcri|history|recording|download|\\u00[2-7]"
)


def may_hold_secrets(body: bytes) -> bool:
    """Tell cheaply whether ``mask`` would have to look closer; False means that nothing is masked."""
    return _MAYBE.search(body.lower()) is not None


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


# --- JSON -----------------------------------------------------------------------------------------

_STRING = rb"(?:[^\"\\]++|\\.?)*+"
_TOKEN = re.compile(rb'"(?P<text>' + _STRING + rb')"?|(?P<mark>[{}\[\]:,])|(?P<bare>[^\s"{}\[\]:,]++)', re.DOTALL)
_COLON = re.compile(rb"\s*+:")
_LITERALS = frozenset({b"true", b"false", b"null"})
_CHARACTER = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # one character in two escapes
    rb"|\\u[0-9a-fA-F]{4}|\\[^\x80-\xff]?|[\x00-\xff][\x80-\xbf]*+",
    re.DOTALL,
)


def _in_json(body: bytes, rules: _Rules) -> Iterator[_Span]:
    """Find the secrets among the tokens of a body, whether or not they make up valid JSON.

    A string is a key where a colon follows it and none precedes it; a key rules until the next comma, bracket
    or key. In broken JSON that masks rather too much than too little. No recursion: depth is a list.
    """
    place = _Place(rules)
    after_colon = False
    for token in _TOKEN.finditer(body):
        if mark := token["mark"]:
            after_colon = mark == b":"
            place.pass_mark(mark)
            continue
        value: bytes = token["bare"] or token["text"]
        if not after_colon and _COLON.match(body, token.end()):
            place.key = _listed(value.strip(b"'") if token["bare"] else value)
            continue
        after_colon = False
        kind = place.kind(Shape.SCALAR)
        if kind is not Kind.NONE and value and not (token["bare"] and _says_nothing(value)):
            yield _scalar(token, kind)


def _says_nothing(bare: bytes) -> bool:
    return bare in _LITERALS or not bare.strip(b"'*")  # the latter is what is left of a secret of broken JSON


def _scalar(token: re.Match[bytes], kind: Kind) -> _Span:
    if token["bare"]:
        return *token.span(), b'"' + b"*" * len(token["bare"]) + b'"', kind
    return *token.span("text"), b"*" * len(_CHARACTER.findall(token["text"])), kind


_DEPTH_MAX = 1024  # orjson reads no deeper, so what is deeper is no JSON; a megabyte of "[" must not cost hundreds


class _Place:
    """Where in a body a scan stands: under which key, inside what."""

    __slots__ = ("_element", "_force", "_outer", "_rules", "_scope", "key")

    def __init__(self, rules: _Rules) -> None:
        self._rules = rules
        self._outer: list[tuple[Kind, str, str]] = []
        self._force = Kind.NONE  # everything here is masked for this reason
        self._scope = ""  # the nearest enclosing key that some secret must be inside of
        self._element = ""  # inside an array: the array's key, which its elements share
        self.key = ""

    def kind(self, shape: Shape) -> Kind:
        """Say why a value of that shape must be masked here, if it must."""
        if not self.key:
            return self._force
        return max(self._force, self._rules.get((self.key, self._scope, shape), Kind.NONE))

    def pass_mark(self, mark: bytes) -> None:
        """Move past one of ``{}[],:``."""
        if mark in b"{[" and len(self._outer) < _DEPTH_MAX:
            self._outer.append((self._force, self._scope, self._element))
            self._force = self.kind(Shape.CONTAINER)
            self._scope = self.key if self.key in _SCOPES else self._scope
            self._element = self.key if mark == b"[" else ""
        elif mark in b"}]" and self._outer:
            self._force, self._scope, self._element = self._outer.pop()
        if mark != b":":
            self.key = self._element


# --- other texts ----------------------------------------------------------------------------------

_NAMED_VALUE = re.compile(
    rb"(?<![\w-])(?P<name>"
    + b"|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True))
    + rb""")["']?\s*+[:=]\s*+(?:"(?P<double>"""
    + _STRING
    + rb""")|'(?P<single>[^']*+)|(?P<bare>[^\s,;&{}\[\]"']++))""",
    re.DOTALL | re.IGNORECASE,
)
_PAIR = re.compile(rb"(?:^|(?<=&))([^&=]*+)=([^&]*+)")


def _in_text(body: bytes, rules: _Rules) -> Iterator[_Span]:
    """Find what follows a listed name in a body that is no JSON, where a quote may be missing."""
    for match in _NAMED_VALUE.finditer(body):
        kind = rules.get((_listed(match["name"]), "", Shape.SCALAR), Kind.NONE)
        group = match.lastgroup or "bare"
        if kind is not Kind.NONE and match[group] and match[group] not in _LITERALS:
            yield *match.span(group), b"*" * len(_CHARACTER.findall(match[group])), kind


def _in_form(body: bytes, rules: _Rules) -> Iterator[_Span]:
    """Find the secrets of a form-encoded body. A star needs no encoding there."""
    for pair in _PAIR.finditer(body):
        names = re.split(rb"[\[\].]", unquote_to_bytes(pair[1].replace(b"+", b" ")).strip())
        kind = max(rules.get((_listed(name), "", Shape.SCALAR), Kind.NONE) for name in names)
        if kind is not Kind.NONE and pair[2]:
            value = unquote_to_bytes(pair[2]).decode(errors="replace")  # a backslash escapes nothing in a form
            yield *pair.span(2), b"*" * len(value), kind
