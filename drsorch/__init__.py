"""The composition root: settings, URLs, API router, admin site, checks, logging. Imported by none."""
