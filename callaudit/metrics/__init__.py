"""What is counted for whoever watches: by each server process as it goes, and looked up in the database when asked."""
