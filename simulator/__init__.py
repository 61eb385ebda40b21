"""A Telnyx that does not exist: makes calls, signs and posts their webhooks, and knows the true answers.

It meets the system over HTTP only, as Telnyx does. Truth comes from how each call was made up, never from
folding its events. Nothing here is random but for the seed.
"""

from simulator.answers import Asked, Counted, answer
from simulator.deliveries import NO_FAULTS, Delivery, Faults
from simulator.forgeries import REASONS, Forgery, seal
from simulator.hearing import Heard, hear
from simulator.post import Sender, Summary
from simulator.scenarios import KINDS
from simulator.script import Call
from simulator.secrets import Secrets
from simulator.signing import Key, key_from_seed
from simulator.simulation import Simulation, simulate
from simulator.truth import (
    LogTotals,
    TrueCall,
    TrueCoverage,
    TrueDtmf,
    TrueLeg,
    TrueNative,
    TrueRefer,
    TrueSessionCoverage,
    TrueSiprec,
    TrueSpan,
    Truth,
)
from simulator.webhooks import Form, Mark, Webhook
from simulator.world import Breakdown, Connection

__all__ = [
    "KINDS",
    "NO_FAULTS",
    "REASONS",
    "Asked",
    "Breakdown",
    "Call",
    "Connection",
    "Counted",
    "Delivery",
    "Faults",
    "Forgery",
    "Form",
    "Heard",
    "Key",
    "LogTotals",
    "Mark",
    "Secrets",
    "Sender",
    "Simulation",
    "Summary",
    "TrueCall",
    "TrueCoverage",
    "TrueDtmf",
    "TrueLeg",
    "TrueNative",
    "TrueRefer",
    "TrueSessionCoverage",
    "TrueSiprec",
    "TrueSpan",
    "Truth",
    "Webhook",
    "answer",
    "hear",
    "key_from_seed",
    "seal",
    "simulate",
]
