-- Everything before this position is registered.
UPDATE calls.progress SET position = %(position)s
