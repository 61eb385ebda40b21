"""Commands out: a Telnyx-compatible API in front of Telnyx, each command recorded before it goes and after it went."""
