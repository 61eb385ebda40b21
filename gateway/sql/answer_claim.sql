-- Keep the answer for whoever asks again.
UPDATE gateway.claims SET answer_sealed = %(sealed)s WHERE command_id = %(command_id)s
