"""Side-by-side measurements: ours beside what a competent user would write by hand, in one run on one machine."""
