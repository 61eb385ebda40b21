"""The front door: settings, wiring, command line, embedded Postgres. The only reader of the environment."""

from importlib import metadata

VERSION = metadata.version("callaudit")
