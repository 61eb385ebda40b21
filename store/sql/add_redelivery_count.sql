-- Count one redelivery beyond those that are kept whole.
INSERT INTO intake.redelivery_counts AS counted (position, deliveries) VALUES (%(position)s, 1)
ON CONFLICT (position) DO UPDATE SET deliveries = counted.deliveries + 1
