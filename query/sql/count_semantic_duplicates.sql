-- Events that say again, under another id, what an event of the same leg and time said.
SELECT count(*) FROM calls.timeline WHERE 'semantic_duplicate' = ANY(flags)
