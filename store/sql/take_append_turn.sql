-- Wait for the append turn: one writer at a time, so that commit order is position order and no position is missing.
-- Without it two writers that read the same head give the same positions, and one of them fails; were positions taken
-- before the commit, as from a sequence, a reader past position 7 would later find position 6 behind its back
-- (tests/integration/store/test_append.py shows both). It is its own statement: the head is read only after the lock
-- is held, under a snapshot taken then.
LOCK TABLE log.append_turn IN EXCLUSIVE MODE
