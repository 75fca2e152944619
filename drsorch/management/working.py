"""dramatiq's command line, whose lines in the log are ours too: what `manage.py rundramatiq` becomes."""

from __future__ import annotations

import logging.config
import sys

from dramatiq import cli

from drsorch.environment import load, secret_texts
from drsorch.observing.logging import catch_all, configured, keep_out


def main() -> None:
    values = load()
    keep_out(secret_texts(values))
    logging.config.dictConfig(configured(values["LOG_LEVEL"]))
    # Its main process says when it begins and ends. The processes that work are set up by Django.
    logging.getLogger("dramatiq").setLevel("INFO")
    catch_all()
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
