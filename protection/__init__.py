"""What exists: sites, the mirrored inventory of source servers, protection groups."""
