-- Wait for the append turn: one writer at a time, so that commit order is position order.
-- Without it a reader that has seen position 7 may later see position 6 appear behind its back, and two writers
-- would number their events alike (tests/integration/store/test_append.py shows both). It is its own statement:
-- the head is read only after the lock is held, under a snapshot taken then.
LOCK TABLE log.append_turn IN EXCLUSIVE MODE
