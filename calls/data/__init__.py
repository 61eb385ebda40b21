"""The cause tables, carried as data. `calls.cause_tables` reads them."""
