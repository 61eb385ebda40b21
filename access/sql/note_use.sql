-- Note that a key was used, at most once a minute.
SELECT access.note_use(%(key_id)s)
