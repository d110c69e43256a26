"""`python -m bench [--check] [--only NAME…] [--repos N] [--quick]`."""

from bench.command import main

raise SystemExit(main())
