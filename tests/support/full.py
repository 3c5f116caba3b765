"""Whether the long forms of the reliability tests run: `TAP_BITRIX24_FULL=1 pytest tests/reliability`."""

import os

FULL = bool(os.environ.get("TAP_BITRIX24_FULL"))
