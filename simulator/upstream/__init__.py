"""A Telnyx API that does not exist: it answers commands as Telnyx does, and posts the webhooks that follow.

``Double`` decides (``lines``, ``acts``, ``faults``), ``running`` serves it over HTTP.
"""

from simulator.upstream.double import Done, Double
from simulator.upstream.faults import Fault, Faults
from simulator.upstream.lines import Line
from simulator.upstream.server import Serving, running

__all__ = ["Done", "Double", "Fault", "Faults", "Line", "Serving", "running"]
