"""`python -m espmon` is the same program as `espmon`."""

from espmon.cli import main

raise SystemExit(main())
