"""The settings as a person gives them: what is read, what is refused, and that a refusal tells no secret."""

import os
from pathlib import Path

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callaudit import settings
from callaudit.settings import Settings, SettingsRefused

KEY = "A" * 43 + "="
URLS = (
    "DATABASE_URL",
    "CALLAUDIT_INGEST_DATABASE_URL",
    "CALLAUDIT_WORKER_DATABASE_URL",
    "CALLAUDIT_QUERY_DATABASE_URL",
)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper() in {field.upper() for field in Settings.model_fields}:
            monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, **given: str) -> str:
    """Give what is said of settings that are refused."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsRefused) as refused:
        settings.load()
    assert refused.value.__cause__ is None
    return str(refused.value)


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    """With nothing set: embedded under the working directory, five minutes, transcripts masked, no key."""
    read = settings.load()
    assert read.database_url is None
    assert read.home == tmp_path / ".callaudit"
    assert (read.callaudit_webhook_tolerance_seconds, read.callaudit_mask_transcripts) == (300, True)
    assert (read.callaudit_role_prefix, read.telnyx_public_key) == ("callaudit", "")


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable reaches its field."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    monkeypatch.setenv("CALLAUDIT_INGEST_DATABASE_URL", "postgres://i@h/d")
    monkeypatch.setenv("CALLAUDIT_HOME", "/somewhere")
    monkeypatch.setenv("TELNYX_PUBLIC_KEY", f"old={KEY},{KEY}")
    monkeypatch.setenv("CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS", "60.5")
    monkeypatch.setenv("CALLAUDIT_MASK_TRANSCRIPTS", "false")
    read = settings.load()
    assert (read.database_url, read.callaudit_ingest_database_url) == ("postgresql://u:p@h/d", "postgres://i@h/d")
    assert read.home == Path("/somewhere")
    assert read.telnyx_public_key == f"old={KEY},{KEY}"
    assert (read.callaudit_webhook_tolerance_seconds, read.callaudit_mask_transcripts) == (60.5, False)


def test_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``.env`` of the working directory holds what the environment does not say; an empty variable says nothing."""
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgresql://file/\nCALLAUDIT_ROLE_PREFIX=acme\nCALLAUDIT_HOME=h\nOTHER=1\n"
    )
    monkeypatch.setenv("DATABASE_URL", "postgresql://environment/")
    monkeypatch.setenv("CALLAUDIT_ROLE_PREFIX", "")
    read = settings.load()
    assert (read.database_url, read.callaudit_role_prefix) == ("postgresql://environment/", "acme")
    assert read.home == tmp_path / "h"


def test_home_may_be_below_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde is what a person means by it."""
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("CALLAUDIT_HOME", "~/audit")
    assert settings.load().home == Path("/home/ada/audit")


@pytest.mark.parametrize("name", URLS)
def test_url_of_sqlalchemy_is_taken_for_what_it_means(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The driver in a URL copied from elsewhere is left out, for libpq does not know it."""
    monkeypatch.setenv(name, "postgresql+psycopg://u:+psycopg@h/d")
    assert getattr(settings.load(), name.lower()) == "postgresql://u:+psycopg@h/d"


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("value", ["mysql://u:hunter2@h/d", "hunter2", "sqlite:///hunter2", "host=h password=hunter2"])
def test_url_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The sentence names the variable and what it should be, and not the password in it."""
    assert refusal(monkeypatch, **{name: value}) == f"{name}: expected a URL that starts with postgresql://"


def test_key_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says which item, and does not repeat what may be another secret pasted by mistake."""
    said = refusal(monkeypatch, TELNYX_PUBLIC_KEY=f"{KEY},KEY0123hunter2")
    assert said == "TELNYX_PUBLIC_KEY: item 2: expected [label=]key[@from/to], the key 32 bytes in base64"


@pytest.mark.parametrize("value", ["0", "-1", "86401", "nan", "inf", "five minutes"])
def test_tolerance_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """No tolerance, a negative one or one of days would shut or open the door."""
    said = refusal(monkeypatch, CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS=value)
    assert said.startswith("CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS: ")


def test_trusted_proxies_are_read_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no address names the item; nobody is trusted by default."""
    assert settings.load().callaudit_trusted_proxies == ""
    monkeypatch.setenv("CALLAUDIT_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.1")
    assert settings.load().callaudit_trusted_proxies == "10.0.0.0/8,192.0.2.1"
    said = refusal(monkeypatch, CALLAUDIT_TRUSTED_PROXIES="10.0.0.0/8,proxy")
    assert said.startswith("CALLAUDIT_TRUSTED_PROXIES: item 2: expected an IP address")


@pytest.mark.parametrize("value", ["Acme", "a-b", "a b", "1a", "a'; DROP", "x" * 42, "callaudit -c search_path=x"])
def test_role_prefix_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The prefix stands in names of roles, so it is an identifier, here as in the migrations."""
    assert refusal(monkeypatch, CALLAUDIT_ROLE_PREFIX=value).startswith("CALLAUDIT_ROLE_PREFIX: ")


def test_all_refusals_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person mends the settings in one go, from one sentence each."""
    said = refusal(
        monkeypatch,
        DATABASE_URL="hunter2",
        TELNYX_PUBLIC_KEY="hunter2",
        CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS="hunter2",
        CALLAUDIT_MASK_TRANSCRIPTS="hunter2",
    )
    names = [sentence.partition(":")[0] for sentence in said.split("; ")]
    assert sorted(names) == [
        "CALLAUDIT_MASK_TRANSCRIPTS",
        "CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS",
        "DATABASE_URL",
        "TELNYX_PUBLIC_KEY",
    ]
    assert "hunter2" not in said
    assert "\n" not in said


@given(st.sampled_from([*URLS, "TELNYX_PUBLIC_KEY", "CALLAUDIT_MASK_TRANSCRIPTS"]), st.integers(0, 9))
def test_refusal_repeats_no_value(name: str, number: int) -> None:
    """Whatever is refused, its text is not in the refusal, which may end in a log."""
    secret = f"zq{number}zq"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert secret not in refusal(monkeypatch, **{name: secret})


def test_settings_do_not_change_after_they_are_read() -> None:
    """What was validated together stays as it was."""
    read = settings.load()
    with pytest.raises(pydantic.ValidationError):
        read.telnyx_public_key = KEY  # type: ignore[misc]


@pytest.mark.parametrize("place", ["backup/checkpoints", "/mnt/worm", "s3://bucket/log", "https://host/bucket"])
def test_second_place_is_a_folder_or_a_url(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """What is no URL is a folder."""
    monkeypatch.setenv("CALLAUDIT_CHECKPOINT_MIRROR", place)
    assert settings.load().callaudit_checkpoint_mirror == place


def test_second_place_of_an_unknown_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is sealed; what stands in the URL is not repeated."""
    said = refusal(monkeypatch, CALLAUDIT_CHECKPOINT_MIRROR="ftp://user:hunter2@host/x")
    assert said.startswith("CALLAUDIT_CHECKPOINT_MIRROR: expected a folder, or a URL")
    assert "hunter2" not in said
