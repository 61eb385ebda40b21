"""What happened on a call, as plain values: envelope, causes, REFER, SIPREC, the fold. No I/O."""
