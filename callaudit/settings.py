"""The settings, from the environment and ``.env``: read once, validated together, each refusal one sentence."""

import re
from pathlib import Path
from typing import Annotated

import psycopg
import pydantic
import pydantic_settings
from psycopg import conninfo
from pydantic import Field

from gateway import admission, upstream
from ingest import addresses, keys, verifier
from ingest.errors import KeyRefused
from migrations import roles
from store import mirror, spool


class SettingsRefused(ValueError):
    """One or more settings cannot be used; the text has a sentence for each."""

    reason = "settings_refused"


class Settings(pydantic_settings.BaseSettings):
    """What the environment says. Field names in lower case are the variables' names in upper case."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: str | None = None
    """A Postgres, as its owner; unset: the embedded one under ``CALLAUDIT_HOME``."""

    callaudit_ingest_database_url: str | None = None
    callaudit_worker_database_url: str | None = None
    callaudit_query_database_url: str | None = None
    """The same database, each as its own role."""

    callaudit_role_prefix: str = "callaudit"
    """Roles are named ``<prefix>_ingest`` and so on."""

    callaudit_home: Path = Path(".callaudit")
    """Where the embedded database, spool, exports and keys live."""

    telnyx_public_key: str = ""
    """One or more ``[label=]base64key[@from/to]``, separated by commas. Without one, webhooks are not served."""

    callaudit_webhook_tolerance_seconds: Annotated[float, Field(gt=0, le=86_400)] = verifier.TOLERANCE_SECONDS_DEFAULT
    """How far a webhook's timestamp may be from our clock, either way."""

    callaudit_spool_bytes_max: Annotated[int, Field(ge=2**20)] = spool.BYTES_MAX_DEFAULT
    """How large a process's spool may grow while Postgres is away; beyond it webhooks are answered 503."""

    callaudit_trusted_proxies: str = ""
    """Addresses and networks, separated by commas, whose ``X-Forwarded-For`` is believed."""

    callaudit_mask_transcripts: bool = True
    """Mask what people said, as it was transcribed."""

    telnyx_api_key: Annotated[str, Field(repr=False)] = ""
    """The key of Telnyx's API. Without one, no command is forwarded."""

    telnyx_base_url: str = upstream.URL_DEFAULT
    """Where commands are forwarded to."""

    callaudit_gateway_purpose_required: str = ",".join(admission.PURPOSE_REQUIRED_DEFAULT)
    """Actions, separated by commas, that need a purpose."""

    callaudit_gateway_approval_required: str = ""
    """Actions, separated by commas, that a second person must approve."""

    callaudit_gateway_approval_seconds: Annotated[int, Field(ge=10, le=86_400)] = 300
    """How long a command waits for approval, and an approved one to be sent."""

    callaudit_gateway_unknown_values: bool = False
    """Let values through that Telnyx's published parameters do not know, with a warning on record."""

    callaudit_gateway_url: str = "http://127.0.0.1:8000"
    """Where ``callaudit call`` finds the gateway."""

    callaudit_api_key: Annotated[str, Field(repr=False)] = ""
    """The API key that ``callaudit call`` shows there."""

    callaudit_checkpoint_mirror: str | None = None
    """A second place for the checkpoints: a folder, or an object store's URL."""

    @pydantic.field_validator(
        "database_url",
        "callaudit_ingest_database_url",
        "callaudit_worker_database_url",
        "callaudit_query_database_url",
    )
    @classmethod
    def _is_postgres(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not re.match(r"postgres(ql)?(\+psycopg)?://", url):
            raise ValueError("expected a URL that starts with postgresql://")
        url = re.sub(r"^(postgres(?:ql)?)\+psycopg", r"\1", url)
        try:
            given = conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise ValueError("not a URL that Postgres reads; a password's special characters are %-encoded") from None
        if not all(each.isdecimal() for each in str(given.get("port") or "5432").split(",")):
            raise ValueError("its port is no number; a password's special characters are %-encoded")
        hosts = str(given.get("host") or "").split(",")
        if any("@" in host and host[0] not in "/@" for host in hosts):  # the end of a password; no message may say it
            raise ValueError("its host has an @ in it; a password's special characters are %-encoded")
        return url

    @pydantic.field_validator("callaudit_checkpoint_mirror")
    @classmethod
    def _is_place(cls, target: str | None) -> str | None:
        scheme, is_url, _ = (target or "").partition("://")
        if is_url and scheme.lower() not in mirror.SCHEMES:
            raise ValueError(f"expected a folder, or a URL that starts with one of {', '.join(sorted(mirror.SCHEMES))}")
        return target

    @pydantic.field_validator("telnyx_base_url")
    @classmethod
    def _is_base_url(cls, url: str) -> str:
        if not re.match(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?$", url):
            raise ValueError("expected a URL such as https://api.telnyx.com/v2")
        return url

    @pydantic.field_validator("callaudit_gateway_purpose_required", "callaudit_gateway_approval_required")
    @classmethod
    def _are_actions(cls, setting: str) -> str:
        if not all(re.fullmatch("[a-z_]+", name) for name in actions(setting)):
            raise ValueError("expected names of actions, such as siprec_stop, separated by commas")
        return setting

    @pydantic.field_validator("callaudit_role_prefix")
    @classmethod
    def _is_prefix(cls, prefix: str) -> str:
        try:
            roles.names(prefix)
        except roles.RolePrefixRefused:
            raise ValueError("use lower-case letters, digits and _, at most 41") from None
        return prefix

    @pydantic.field_validator("telnyx_public_key")
    @classmethod
    def _are_keys(cls, setting: str) -> str:
        if setting.strip():
            try:
                keys.public_keys(setting)
            except KeyRefused as error:
                raise ValueError(str(error).partition(", ")[2] or str(error)) from None
        return setting

    @pydantic.field_validator("callaudit_trusted_proxies")
    @classmethod
    def _are_proxies(cls, setting: str) -> str:
        addresses.proxies(setting)  # its refusal is a ValueError, in a sentence of its own
        return setting

    @property
    def home(self) -> Path:
        """The home directory, absolute."""
        return self.callaudit_home.expanduser().absolute()


def actions(setting: str) -> tuple[str, ...]:
    """Read names that are separated by commas."""
    return tuple(name.strip() for name in setting.split(",") if name.strip())


def load() -> Settings:
    """Read the settings. Raises SettingsRefused; no value is repeated in it (one may be a password)."""
    try:
        return Settings()
    except pydantic.ValidationError as error:
        sentences = [
            f"{str(each['loc'][0]).upper()}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False, include_context=False)
        ]
        raise SettingsRefused("; ".join(sentences)) from None
