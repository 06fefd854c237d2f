"""``python -m regimeswitch_lab``: the command line where its script is not installed."""

import sys

from regimeswitch_lab.cli import main


sys.exit(main())
