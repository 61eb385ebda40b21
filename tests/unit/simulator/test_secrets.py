"""Secrets are spoken aloud in webhooks, and known."""

from simulator import Simulation


def test_every_secret_is_spoken_in_some_delivery(afternoon: Simulation) -> None:
    """A search of the raw deliveries finds each one, so a search of storage would too."""
    spoken = b"\n".join(one.body for one in afternoon.deliveries)
    assert set(afternoon.secrets.found_in(spoken)) == set(afternoon.secrets)


def test_secrets_of_each_class_exist_and_are_long_enough_to_search_for(afternoon: Simulation) -> None:
    """Digits are 16 long, and nothing is shorter than that."""
    secrets = afternoon.secrets
    assert all((secrets.digits, secrets.passwords, secrets.urls, secrets.transcripts))
    assert all(len(digits) == 16 and digits.isdecimal() for digits in secrets.digits)
    assert all(len(secret) >= 16 for secret in secrets)
    assert len(set(secrets)) == len(list(secrets))


def test_found_in_is_empty_when_nothing_leaked(afternoon: Simulation) -> None:
    """Masked text holds no secret."""
    assert afternoon.secrets.found_in(b'{"digits":"****************"}') == ()
