"""The secrets a simulation spoke aloud, so that a test can search storage for them.

Each is long and random enough that finding it in a file means that it was stored. Key presses of one
digit are left out: a single character cannot be searched for.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must never be found at rest. ``transcripts`` only where their masking is switched on."""

    digits: tuple[str, ...]
    passwords: tuple[str, ...]
    urls: tuple[str, ...]
    transcripts: tuple[str, ...]

    def __iter__(self) -> Iterator[str]:
        yield from self.digits + self.passwords + self.urls + self.transcripts

    def found_in(self, stored: bytes) -> tuple[str, ...]:
        """Give the secrets that ``stored`` contains in clear."""
        return tuple(secret for secret in self if secret.encode() in stored)


@dataclass(frozen=True, slots=True)
class SecretMaker:
    """Makes secrets and remembers them."""

    rng: random.Random
    made: dict[str, list[str]] = field(
        default_factory=lambda: {"digits": [], "passwords": [], "urls": [], "transcripts": []}
    )

    def digits(self) -> str:
        """Give 16 digits, as a caller keys in a card."""
        return self._remember("digits", f"4{self.rng.randrange(10**15):015d}")

    def password(self) -> str:
        """Give a SIP password."""
        return self._remember("passwords", f"pw-{self.rng.randbytes(9).hex()}")

    def url(self, extension: str) -> str:
        """Give a recording's pre-signed URL."""
        name, grant = self.rng.randbytes(12).hex(), self.rng.randbytes(32).hex()
        text = f"https://recordings.example.com/{name}.{extension}?X-Amz-Expires=600&X-Amz-Signature={grant}"
        return self._remember("urls", text)

    def transcript(self) -> str:
        """Give a sentence nobody else says."""
        return self._remember("transcripts", f"my reference is {self.rng.randbytes(8).hex()}")

    def seal(self) -> Secrets:
        """Give all that was made."""
        return Secrets(**{name: tuple(texts) for name, texts in self.made.items()})

    def _remember(self, name: str, text: str) -> str:
        self.made[name].append(text)
        return text
