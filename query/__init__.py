"""Questions answered from the read models: for the command line now, for HTTP with the pages."""
