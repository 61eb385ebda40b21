-- Where events with an id are: more than one, where the provider gave it twice. Reads the whole log: no index has ids.
SELECT position FROM log.events WHERE event_id = %(event_id)s ORDER BY position
