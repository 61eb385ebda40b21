-- Nothing was done: who asks again asks anew.
DELETE FROM gateway.claims WHERE command_id = %(command_id)s
