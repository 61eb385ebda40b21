-- Tables of the log that could be changed: their append-only trigger is gone, or not in force always.
SELECT relname
FROM pg_class
WHERE relnamespace = 'log'::regnamespace AND relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname = 'append_only' AND tgenabled = 'A')
ORDER BY relname
