"""Webhooks in: verify, mask, decode, append, then 200. Never trusts a read model, never fails open."""
