"""`python -m drsorch_cli`."""

import sys

from drsorch_cli.main import main

sys.exit(main())
