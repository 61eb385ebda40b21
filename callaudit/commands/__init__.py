"""The commands, one noun a module. Each opens what it needs, asks a package, and prints."""
