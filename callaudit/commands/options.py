"""Options that several commands take, worded once."""

from typing import Annotated

import typer

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 lets the system choose.", min=0, max=65_535)]
Workers = Annotated[int, typer.Option(help="HTTP server processes.", min=1, max=64)]
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True, help="End when standard input closes.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

HOST_DEFAULT = "127.0.0.1"
PORT_DEFAULT = 8_000
