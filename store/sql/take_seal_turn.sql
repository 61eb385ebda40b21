-- Wait for the seal turn: one sealer at a time. Without it a slow worker, which signed size 100, could write its
-- checkpoint after a fast one has kept size 120: the last one kept beside the key would go back, and a log cut off at
-- 110 would be signed again (tests/integration/store/test_sealing.py). It is its own statement: what was sealed last is
-- read only after the lock is held.
LOCK TABLE log.seal_turn IN EXCLUSIVE MODE
