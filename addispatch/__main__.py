"""``python -m addispatch`` is the program ``addispatch``."""

import sys

from addispatch.cli import main

sys.exit(main())
