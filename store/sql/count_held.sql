-- Count the refusals that may prove genuine and were not readmitted.
SELECT count(*) FROM intake.rejections WHERE reason = %(reason)s AND readmitted_at IS NULL
