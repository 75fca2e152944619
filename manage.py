#!/usr/bin/env python
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drsorch.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from audit import origin

    try:
        with origin.coming_from(origin.command(" ".join(sys.argv[1:2]))):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"drsorch is not configured: {error}")


if __name__ == "__main__":
    main()
