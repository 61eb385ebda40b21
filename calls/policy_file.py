"""A policy as people write it, in TOML: what it says, or the one sentence about the first mistake in it.

What is accepted here must be accepted for ever: the versions in the log are read with it.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NoReturn, TypeAlias, cast

from calls import toml_lines
from calls.policies import Content, Numbers, Rule
from calls.policy import DEFAULT, Policy

BYTES_MAX = 65_536
MS_MAX = 7 * 86_400_000
"""Seven days: no duration of a policy is longer."""

OBLIGATIONS: Mapping[str, Mapping[str, bool]] = {
    "must": {"in_scope": True, "must_not_record": False},
    "must_not": {"in_scope": False, "must_not_record": True},
    "free": {"in_scope": False, "must_not_record": False},
}
"""What ``record`` may say, and what that makes of a policy."""

DIRECTIONS = ("incoming", "outgoing")
SOURCES = ("siprec", "native")
TRACKS = ("both_tracks", "inbound_track", "outbound_track")
CONDITIONS = ("connection", "direction", "number", "tag")
DURATIONS = tuple(field.name for field in fields(Policy) if field.name.endswith("_ms"))
SETTINGS = (*DURATIONS, "accepted_sources", "required_track")

_NUMBER = re.compile(r"\+?[0-9]+\*?|\+\*|[^\s*]*[A-Za-z@][^\s*]*\*?")
_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_Table: TypeAlias = Mapping[str, Any]
_Path: TypeAlias = toml_lines.Path


class PolicyRefused(ValueError):
    """There is a mistake in a policy. ``reason`` says which kind, ``line`` where it is, from 1."""

    def __init__(self, reason: str, line: int, said: str) -> None:
        super().__init__(f"line {line}: {said}")
        self.reason = reason
        self.line = line


def decode(raw: bytes) -> str:
    """Give the text of a policy file. Raises PolicyRefused."""
    if len(raw) > BYTES_MAX:
        raise PolicyRefused("policy_too_large", 1, f"a policy has at most {BYTES_MAX} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PolicyRefused("policy_syntax", line, "this is no text in UTF-8") from None


def read(document: str) -> Content:
    """Read what a policy says. Raises PolicyRefused."""
    return _Reader(document).content(_parsed(document))


def _parsed(document: str) -> _Table:
    try:
        return tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        where = _WHERE.search(said)
        last = document.rstrip("\n").count("\n") + 1
        line = int(where[1]) if where and where[1] else last
        sentence = _WHERE.sub("", said)
        raise PolicyRefused("policy_syntax", line, f"this is no TOML: {sentence[:1].lower()}{sentence[1:]}") from None
    except (ValueError, RecursionError):
        line = toml_lines.line_of_failure(document)
        raise PolicyRefused("policy_syntax", line, "a value is too long or too deep") from None


class _Reader:
    """Reads one document; whatever is wrong is refused with the line on which it stands."""

    def __init__(self, document: str) -> None:
        self._document = document

    def content(self, said: _Table) -> Content:
        self._known(said, (), ("defaults", "rule"))
        defaults = self._policy(self._table(said.get("defaults", {}), ("defaults",)), ("defaults",), DEFAULT)
        given = said.get("rule", [])
        if not isinstance(given, list):
            self._refuse("policy_wrong_type", ("rule",), "a rule begins with [[rule]], in double brackets")
        rules: list[Rule] = []
        for number, each in enumerate(cast("list[object]", given)):
            rules.append(self._rule(self._table(each, ("rule", number)), ("rule", number), defaults, rules))
        return Content(tuple(rules), defaults)

    def _rule(self, said: _Table, path: _Path, defaults: Policy, earlier: Sequence[Rule]) -> Rule:
        self._known(said, path, ("name", "record", *CONDITIONS, *SETTINGS))
        name = self._name(said, path, earlier)
        if "record" not in said:
            self._refuse(
                "policy_key_missing", path, f'rule {name!r} does not say record = "must", "must_not" or "free"'
            )
        rule = Rule(
            name=name,
            policy=self._policy({key: value for key, value in said.items() if key in _JUDGING}, path, defaults),
            connections=self._texts(said, path, "connection"),
            directions=self._texts(said, path, "direction", DIRECTIONS),
            numbers=self._numbers(said, path),
            tags=self._texts(said, path, "tag"),
        )
        hiding = next((each for each in earlier if each.covers(rule)), None)
        if hiding is not None:
            hidden = f"rule {name!r} can never match: rule {hiding.name!r} before it matches all of its legs"
            self._refuse("policy_rule_never_matches", path, hidden)
        return rule

    def _name(self, said: _Table, path: _Path, earlier: Sequence[Rule]) -> str:
        if "name" not in said:
            self._refuse("policy_key_missing", path, "a rule has no name")
        name = said["name"]
        if not isinstance(name, str):
            self._refuse("policy_wrong_type", (*path, "name"), "name is a text in quotes")
        if not name.strip() or len(name) > 100 or not name.isprintable():
            self._refuse("policy_bad_value", (*path, "name"), "a name has 1 to 100 characters that can be shown")
        if any(rule.name == name for rule in earlier):
            self._refuse("policy_rule_repeated", (*path, "name"), f"there is a rule {name!r} already")
        return name

    def _policy(self, said: _Table, path: _Path, defaults: Policy) -> Policy:
        self._known(said, path, _JUDGING)
        values: dict[str, Any] = {}
        for key, value in said.items():
            at = (*path, key)
            match key:
                case "record":
                    values |= OBLIGATIONS[self._one_of(value, at, tuple(OBLIGATIONS))]
                case "required_track":
                    values[key] = self._one_of(value, at, TRACKS)
                case "accepted_sources":
                    values[key] = tuple(each for each in SOURCES if each in self._list(value, at, SOURCES))
                case _:
                    values[key] = self._duration(value, at)
        return replace(defaults, **values)

    def _duration(self, value: object, at: _Path) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse("policy_wrong_type", at, f"{at[-1]} is a whole number of milliseconds, without quotes")
        if not 0 <= value <= MS_MAX:
            self._refuse("policy_bad_value", at, f"{at[-1]} is from 0 to {MS_MAX} milliseconds, which is seven days")
        return value

    def _one_of(self, value: object, at: _Path, allowed: tuple[str, ...]) -> str:
        if not isinstance(value, str):
            self._refuse("policy_wrong_type", at, f"{at[-1]} is one of {_quoted(allowed)}")
        if value not in allowed:
            self._refuse("policy_bad_value", at, f"{at[-1]} is one of {_quoted(allowed)}")
        return value

    def _texts(self, said: _Table, path: _Path, key: str, allowed: tuple[str, ...] = ()) -> frozenset[str] | None:
        if key not in said:
            return None
        value, at = said[key], (*path, key)
        return frozenset(self._list([value] if isinstance(value, str) else value, at, allowed))

    def _list(self, value: object, at: _Path, allowed: tuple[str, ...]) -> list[str]:
        texts = cast("list[object]", value) if isinstance(value, list) else None
        if texts is None or not all(isinstance(each, str) for each in texts):
            self._refuse("policy_wrong_type", at, f"{at[-1]} is a text in quotes, or a list of them")
        if not texts or not all(texts):
            self._refuse("policy_bad_value", at, f"{at[-1]} is empty: then nothing would match")
        if allowed and not set(texts) <= set(allowed):
            self._refuse("policy_bad_value", at, f"{at[-1]} is of {_quoted(allowed)}")
        return cast("list[str]", texts)

    def _numbers(self, said: _Table, path: _Path) -> Numbers | None:
        texts = self._texts(said, path, "number")
        if texts is None:
            return None
        if not all(map(_NUMBER.fullmatch, texts)):
            form = "a number is written as Telnyx sends it, + and digits or a SIP address, and a prefix ends in one *"
            self._refuse("policy_bad_value", (*path, "number"), form)
        prefixes = tuple(sorted(each[:-1] for each in texts if each.endswith("*")))
        return Numbers(frozenset(each for each in texts if not each.endswith("*")), prefixes)

    def _table(self, value: object, path: _Path) -> _Table:
        if not isinstance(value, dict):
            self._refuse("policy_wrong_type", path[:1], f"{path[0]} is a table, with keys and values")
        return cast("_Table", value)

    def _known(self, said: _Table, path: _Path, allowed: Sequence[str]) -> None:
        for key in said:
            if key in ("in_scope", "must_not_record"):
                self._refuse("policy_unknown_key", (*path, key), f"write record = {_quoted(OBLIGATIONS)}, not {key}")
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; there is {', '.join(allowed)}"
                self._refuse("policy_unknown_key", (*path, key), f"there is no key {key[:40]!r} here{hint}")

    def _refuse(self, reason: str, path: _Path, said: str) -> NoReturn:
        raise PolicyRefused(reason, toml_lines.line_of(self._document, path), said)


_JUDGING = ("record", *SETTINGS)


def _quoted(texts: Sequence[str] | Mapping[str, Any]) -> str:
    *first, last = (f'"{text}"' for text in texts)
    return f"{', '.join(first)} or {last}"


def write(policy: Policy) -> str:
    """Write a policy without rules as a document that reads as the same."""
    record = next(
        name
        for name, made in OBLIGATIONS.items()
        if made["in_scope"] == policy.in_scope and made["must_not_record"] == policy.must_not_record
    )
    lines = ["[defaults]", f'record = "{record}"']
    lines += [f"{key} = {getattr(policy, key)}" for key in DURATIONS]
    sources = ", ".join(f'"{source}"' for source in policy.accepted_sources)
    return "\n".join([*lines, f"accepted_sources = [{sources}]", f'required_track = "{policy.required_track}"', ""])
