-- One projector at a time: the next waits here. Gives the first position not yet registered.
SELECT position FROM calls.progress FOR UPDATE
